"""Presets: what the table says is what mmpose's configs say, and files are recognised."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from functools import cache
from pathlib import Path

import mmpose
import pytest
import yaml
from mmengine.config import Config
from mmengine.logging import MMLogger

from distilpose.distillation.teachers import presets
from distilpose.distillation.teachers.onnx import OnnxDescription, describe_file
from distilpose.distillation.teachers.presets import (
    PRESETS,
    Preset,
    describe_preset,
    find_preset,
    keypoint_names,
    list_presets,
    recognise,
)
from distilpose.errors import DistilPoseError

ROOT = Path(mmpose.__file__).parent / '.mim'
COUNTS = dict(coco=17, halpe26=26, coco_wholebody=133, coco_wholebody_hand=21)
ONNX = [preset for preset in PRESETS.values() if preset.config is None]
CHECKPOINTS = [preset for preset in PRESETS.values() if preset.config is not None]


@cache
def published() -> dict[str, str]:
    """The file names of mmpose's model zoo, without suffix, and the configs that they belong to."""
    files = (ROOT / 'configs').rglob('*.yml')
    models = [model for file in files for model in yaml.safe_load(file.read_text())['Models']]
    return {Path(model['Weights']).stem: model['Config'] for model in models if 'Weights' in model}


def by_name(preset: Preset) -> str:
    return preset.name


def test_names_and_files_are_distinct_and_digests_are_digits() -> None:
    names = [name for preset in PRESETS.values() for name in (preset.file, *(f'{also}.onnx' for also in preset.also))]
    assert len(names) == len(set(names))
    for preset in PRESETS.values():
        assert preset.sha256 is None or re.fullmatch('[0-9a-f]{8}|[0-9a-f]{64}', preset.sha256)
        assert preset.url is None or preset.url.startswith('https://')
        assert len(keypoint_names(preset)) == COUNTS[preset.keypoints]


@pytest.mark.parametrize('preset', ONNX, ids=by_name)
def test_an_onnx_preset_tells_what_no_graph_tells(preset: Preset) -> None:
    found = describe_preset(preset)
    assert None not in (found.input.mean, found.input.std, found.input.channel_order, found.input.size)
    assert found.keypoint_names == keypoint_names(preset) and found.source == preset.name
    asked_for = dict(simcc=('beta', 'values'), heatmaps=('grid',), coordinates=('unit', 'columns'))[found.outputs.kind]
    assert None not in [getattr(found.outputs, field) for field in asked_for]


@pytest.mark.parametrize('preset', [preset for preset in ONNX if Path(preset.file).stem in published()], ids=by_name)
def test_an_export_of_mmpose_is_described_as_its_config_says(preset: Preset) -> None:
    found, model = describe_preset(preset), Config.fromfile(ROOT / published()[Path(preset.file).stem]).model
    preprocessor, codec = model.data_preprocessor, model.head.decoder
    assert (found.input.mean, found.input.std) == (tuple(preprocessor.mean), tuple(preprocessor.std))
    assert found.input.channel_order == ('rgb' if preprocessor.bgr_to_rgb else 'bgr')
    assert found.input.size == tuple(codec.input_size)
    assert (found.outputs.kind, found.outputs.beta) == ('simcc', model.head.loss.beta)
    assert len(keypoint_names(preset)) == model.head.out_channels


def test_most_exports_of_rtmpose_are_compared_with_their_configs() -> None:
    assert sum(Path(preset.file).stem in published() for preset in ONNX) >= 13


@pytest.mark.parametrize('preset', CHECKPOINTS, ids=by_name)
def test_a_checkpoint_is_that_of_the_config_in_mmposes_model_zoo(preset: Preset) -> None:
    assert preset.config == f'mmpose::{published()[Path(preset.file).stem].removeprefix("configs/")}'


def test_a_wrong_name_suggests_the_right_one() -> None:
    with pytest.raises(DistilPoseError, match="no preset 'rtmpse-l' of a teacher; did you mean rtmpose-l"):
        find_preset('rtmpse-l')
    with pytest.raises(DistilPoseError, match='expected one of rtmpose-t, rtmpose-s'):
        find_preset('????')


def test_the_list_has_a_line_for_every_preset() -> None:
    lines = list_presets().splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(PRESETS)
    assert '256x192' in lines[1] and 'unknown' in lines[1]


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Preset:
    """A preset whose published file holds the bytes ``b'network'``."""
    preset = dataclasses.replace(PRESETS['dwpose-l'], sha256=hashlib.sha256(b'network').hexdigest())
    monkeypatch.setattr(presets, 'PRESETS', {preset.name: preset})
    return preset


def test_a_file_of_any_name_is_recognised_by_its_content(known: Preset, tmp_path: Path) -> None:
    file = tmp_path / 'model.onnx'
    file.write_bytes(b'network')
    found = recognise(file)
    assert found is not None and found.preset == known and 'by its SHA-256' in found.note


@pytest.mark.parametrize('stem', ['dw-ll_ucoco', 'rtmpose-l_simcc-ucoco_dw-ucoco_270e-256x192-4d6dfc62_20230728'])
def test_a_file_of_other_content_is_recognised_by_its_name_and_says_so(known: Preset, tmp_path: Path,
                                                                       stem: str) -> None:
    file = tmp_path / f'{stem}.onnx'
    file.write_bytes(b'exported again')
    found = recognise(file)
    assert found is not None and found.preset == known
    assert f'by its name; its SHA-256 is {hashlib.sha256(b"exported again").hexdigest()}, and that of the published ' \
           f'file begins with {known.sha256[:8]}' in found.note


def test_another_file_is_not_recognised(known: Preset, tmp_path: Path) -> None:
    for name in ('other.onnx', 'dw-ll_ucoco.pth', 'missing.onnx'):
        file = tmp_path / name
        if name != 'missing.onnx':
            file.write_bytes(b'something')
        assert recognise(file) is None


def test_a_config_that_names_a_file_alone_gets_what_its_preset_says(known: Preset, tmp_path: Path) -> None:
    file = tmp_path / 'dw-ll_ucoco.onnx'
    file.write_bytes(b'network')
    MMLogger.get_instance('presets', log_level='INFO')
    assert describe_file(file, None) == describe_file(file, known.name) == describe_preset(known)
    other = tmp_path / 'other.onnx'
    other.write_bytes(b'something')
    assert describe_file(other, None) == OnnxDescription()


def test_a_checkpoint_is_no_onnx_file() -> None:
    with pytest.raises(DistilPoseError, match=r'the preset vitpose-b.pth is a checkpoint and no ONNX file; take '
                       r'model.teacher=dict\(config='):
        describe_preset(PRESETS['vitpose-b.pth'])
