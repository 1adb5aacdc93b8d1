"""A published file becomes one of ours, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from distilpose.apis import load_model
from distilpose.checkpoints import CheckpointMismatch, load_file
from distilpose.engine import evaluate
from distilpose.errors import DistilPoseError
from distilpose.export.convert import convert
from tests.checkpoints.made_files import published_names, student_weights, wrapped, write_student_config
from tests.engine import tiny
from tests.parity.reference import fixture, images, published_state

HRNET = 'mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w32_8xb64-210e_coco-256x192.py'


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_data(tmp_path_factory.mktemp('tiny') / 'data')


@pytest.fixture
def config(tmp_path: Path, data: Path) -> Path:
    return write_student_config(tmp_path / 'student.py', data)


Write = Callable[[object], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def save(content: object) -> Path:
        (tmp_path / 'in').mkdir(exist_ok=True)
        torch.save(content, tmp_path / 'in' / 'published.pth')
        return tmp_path / 'in' / 'published.pth'
    return save


def as_hrnet_trainer(state: dict) -> dict:
    """As ``checkpoint.pth`` of the HRNet code base."""
    return dict(epoch=210, model='pose_hrnet', perf=0.7, best_state_dict=state, optimizer=dict(),
                state_dict={f'module.{name}': value for name, value in state.items()})


@pytest.mark.parametrize('wrap', [dict, wrapped, as_hrnet_trainer, lambda state: dict(state_dict=state)])
def test_every_weight_arrives(config: Path, write: Write, tmp_path: Path, wrap: Callable) -> None:
    expected = student_weights()
    report = convert(write(wrap(published_names(expected))), tmp_path / 'out.pth', config=config)
    found = load_file(tmp_path / 'out.pth')['state_dict']
    assert found.keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in found.items())  # also the fixed position table
    assert report.weights == len(expected) and 'a student of DistilPose' in str(report)


def test_our_names_and_a_distillations_terms(config: Path, write: Write, tmp_path: Path) -> None:
    expected = student_weights()
    convert(write(dict(expected, **{'distillation.projector.weight': torch.zeros(2)})), tmp_path / 'out.pth',
            config=config)
    assert load_file(tmp_path / 'out.pth')['state_dict'].keys() == expected.keys()


def test_the_result_is_tested_like_any_checkpoint(config: Path, write: Write, tmp_path: Path) -> None:
    source = write(published_names(student_weights()))
    convert(source, tmp_path / 'out.pth', config=config)
    metrics = [evaluate(config, file, work_dir=tmp_path / 'test', options={'test_evaluator.prefix': 'tiny'})
               for file in (tmp_path / 'out.pth', source)]
    assert 'tiny/AP' in metrics[0] and metrics[0] == metrics[1]


def broken(change: str) -> dict:
    state = published_names(student_weights())
    if change == 'missing':
        del state['keypoint_head.tokenhead.mlp_head.1.bias']
    elif change == 'unexpected':
        state['keypoint_head.tokenhead.mlp_head.2.weight'] = torch.zeros(3)
    else:
        state['backbone.conv1.weight'] = torch.zeros(5, 3, 3, 3)
    return state


@pytest.mark.parametrize('change, words', [
    ('missing', r'1 of \d+ names are missing from it: head\.readout\.1\.bias'),
    ('unexpected', r'1 of its names are unknown to the network: head\.readout\.2\.weight'),
    ('shape', r'1 have another shape: backbone\.conv1\.weight \(5, 3, 3, 3\) instead of \(4, 3, 3, 3\)')])
def test_a_file_that_does_not_fit_is_refused(config: Path, write: Write, tmp_path: Path, change: str,
                                             words: str) -> None:
    with pytest.raises(CheckpointMismatch, match=words):
        convert(write(broken(change)), tmp_path / 'new' / 'out.pth', config=config)
    assert not (tmp_path / 'new').exists()


def test_an_earlier_result_survives_a_failure(config: Path, write: Write, tmp_path: Path,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    destination = tmp_path / 'out' / 'out.pth'
    source = write(published_names(student_weights()))
    convert(source, destination, config=config)
    before = destination.read_bytes()

    def fails(checkpoint: dict, file: Path) -> None:
        Path(file).write_bytes(b'half')
        raise OSError('no space left on device')

    monkeypatch.setattr(torch, 'save', fails)
    with pytest.raises(DistilPoseError, match=r'out\.pth cannot be written: no space left'):
        convert(source, destination, config=config)
    assert destination.read_bytes() == before and os.listdir(destination.parent) == ['out.pth']


@pytest.mark.parametrize('link', [None, os.symlink, os.link])
def test_the_source_is_not_overwritten(config: Path, write: Write, tmp_path: Path, link: Callable | None) -> None:
    source = write(published_names(student_weights()))
    destination = source
    if link is not None:
        destination = tmp_path / 'other.pth'
        link(source, destination)
    before = source.read_bytes()
    with pytest.raises(DistilPoseError, match='the same file'):
        convert(source, destination, config=config)
    assert source.read_bytes() == before


def test_a_folder_is_no_destination(config: Path, write: Write, tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match='is a folder; name the file'):
        convert(write(published_names(student_weights())), tmp_path, config=config)


def test_parity_of_a_converted_hrnet(write: Write, tmp_path: Path) -> None:
    expected = fixture('heatmap_hrnet_w32_256x192')
    convert(write(published_state(expected['keys'])), tmp_path / 'hrnet.pth', config=HRNET)
    model = load_model(HRNET, tmp_path / 'hrnet.pth')
    with torch.no_grad():
        heatmaps = model.head(model.extract_feat(images(expected['input_shape']))).numpy()
    assert heatmaps.shape == tuple(expected['shape_heatmap'])
    assert sum(weight.numel() for weight in model.parameters()) == expected['params']
    np.testing.assert_allclose(heatmaps.ravel()[::97], expected['out_heatmap'], rtol=0,
                               atol=2e-5 * expected['out_heatmap'].std())


def test_parity_of_a_converted_simdr(write: Write, tmp_path: Path) -> None:
    """A ResNet with deconvolutions, whose linear layers and maps go to different parts of the head."""
    config = 'configs/body/2d_kpt_sview_rgb_img/simdr/coco/simdr_res50_coco_64x64.py'
    expected = fixture('simdr_res50_64x64')
    found = convert(write(published_state(expected['keys'])), tmp_path / 'simdr.pth', config=config)
    assert found.recognised == 'SimDR on a ResNet'
    model = load_model(config, tmp_path / 'simdr.pth')
    with torch.no_grad():
        simcc = model.head(model.extract_feat(images(expected['input_shape']))).simcc
    for axis, logits in zip('xy', simcc, strict=True):
        wanted = expected[f'out_{axis}']
        np.testing.assert_allclose(logits.numpy(), wanted, rtol=0, atol=2e-5 * wanted.std())
