"""``model.teacher.heatmap_sigma``: what it does to a pair, what is refused and what is logged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from distilpose.distillation import PoseDistiller
from distilpose.distillation.teacher_report.predictions import heatmap_grid_of
from distilpose.engine import train
from distilpose.errors import DistilPoseError
from tests.distillation.test_coordinate_classifiers import CLASSIFIER
from tests.engine.tiny import logged_losses, write_data, write_distillation
from tests.networks import STUDENT, TEACHER, batch, distiller
from tests.networks import teacher as frozen
from tests.onnx_files import write_heatmaps

HEATMAPS = dict(heatmaps=dict(type='HeatmapTerm'))
SIMULATED = dict(simulated=dict(type='SimulatedHeatmapTerm'))


@pytest.fixture(scope='module')
def fine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ONNX file with heatmaps of 48x64, four times as fine as the student's 12x16."""
    pytest.importorskip('onnxruntime')
    return write_heatmaps(tmp_path_factory.mktemp('teacher') / 'fine.onnx', size=(96, 128), stride=2)


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr('distilpose.distillation.widening_choice.print_log', lambda text, *_: lines.append(text))
    return lines


def spec(file: Path, *, outputs: Any = None, **options: Any) -> dict[str, Any]:
    return dict(dict(type='OnnxTeacher', file=str(file), crop='student',
                     input=dict(mean=127.5, std=127.5, channel_order='rgb'),
                     outputs=dict(grid='i/n', **({'sigma': 1.4} if outputs is None else outputs))), **options)


def pair(teacher: Any, *, student: Any = TEACHER, terms: Any = HEATMAPS) -> PoseDistiller:
    return distiller(student, teacher=teacher, terms=terms)


def test_a_fine_grid_is_refused_only_without_it(fine: Path, logged: list[str]) -> None:
    with pytest.raises(DistilPoseError, match=r'48x64.*peaks would be lost.*model\.teacher\.heatmap_sigma'):
        pair(spec(fine))
    assert len(logged) == 1 and 'of 48x64 have gaussians of sigma 1.4 cells, about 0.35 of the student' in logged[0]
    assert 'model.teacher.heatmap_sigma=1 widens them' in logged[0]  # that of its targets
    model = pair(spec(fine, heatmap_sigma=1.5))
    assert logged[1:] == ["The teacher's heatmaps of 48x64 are widened to sigma 1.5 in cells of 12x16, from 1.4 of "
                          'its own.']
    assert model(*batch(), mode='loss')['loss_heatmaps'] > 0
    assert model.run_teacher(batch()[0]).heatmaps[-1].shape == (4, 17, 16, 12)


def test_predictions_of_the_teacher_are_those_without_it(fine: Path) -> None:
    images = batch()[0]
    model, plain = (pair(spec(fine, **options), student=STUDENT, terms=SIMULATED)
                    for options in (dict(heatmap_sigma=4.0), {}))
    found = model.run_teacher(images, widened=False).heatmaps[-1]
    assert torch.equal(found, plain.run_teacher(images).heatmaps[-1])
    assert heatmap_grid_of(model) == heatmap_grid_of(plain)
    widened = model.run_teacher(images).heatmaps[-1]
    assert widened.shape == found.shape and not torch.allclose(widened, found, atol=1e-2)
    assert model(*batch(), mode='loss')['loss_simulated'] != plain(*batch(), mode='loss')['loss_simulated']


def test_a_teacher_of_several_is_widened_before_they_are_combined(fine: Path) -> None:
    teachers = dict(one=spec(fine, heatmap_sigma=1.5), other=spec(fine, heatmap_sigma=3.0))
    torch.manual_seed(0)
    model = PoseDistiller(TEACHER, teachers=teachers, terms=HEATMAPS)
    one, other, both = model.run_teachers(batch()[0]).values()
    torch.testing.assert_close(both.heatmaps[-1], (one.heatmaps[-1] + other.heatmaps[-1]) / 2)
    with pytest.raises(DistilPoseError, match=r'model\.teachers\.other: .*peaks would be lost'):
        PoseDistiller(TEACHER, teachers=dict(teachers, other=spec(fine)), terms=HEATMAPS)


def test_the_sigma_of_a_config_is_that_of_its_codec(tmp_path: Path, logged: list[str]) -> None:
    torch.save(frozen().model.state_dict(), tmp_path / 'teacher.pth')
    own = dict(config=TEACHER, checkpoint=str(tmp_path / 'teacher.pth'), crop='student', heatmap_sigma=2.0)
    assert pair(own).only_teacher().widening.own == 1.0
    assert 'from 1 of its own' in logged[0] and len(logged) == 1


def test_what_is_logged(fine: Path, logged: list[str]) -> None:
    pair(spec(fine, outputs={}, heatmap_sigma=1.5))
    assert 'its own unknown' in logged[0] and 'unknown and counts as 0' in logged[1]
    assert 'set model.teacher.outputs.sigma' in logged[1]
    logged.clear()
    model = pair(spec(fine, heatmap_sigma=1.5), terms={})
    assert model.only_teacher().widening is None and 'has no effect' in logged[0]


@pytest.mark.parametrize('value, words', [(0, 'expected a number above 0'), (-1.5, 'expected a number above 0'),
                                          ('wide', 'heatmap_sigma'), (float('nan'), 'heatmap_sigma')])
def test_other_values_are_refused(fine: Path, value: Any, words: str) -> None:
    with pytest.raises(DistilPoseError, match=words):
        pair(spec(fine, heatmap_sigma=value))


def test_a_teacher_without_heatmaps_of_its_own_is_refused(tmp_path: Path) -> None:
    torch.save(frozen(STUDENT).model.state_dict(), tmp_path / 'coords.pth')
    coords = dict(config=STUDENT, checkpoint=str(tmp_path / 'coords.pth'), crop='student', heatmap_sigma=1.5)
    with pytest.raises(DistilPoseError, match='widens heatmaps, and DistilPoseHead predicts coords'):
        pair(coords, student=STUDENT, terms=dict(c=dict(type='CoordinateTerm')))
    bins = frozen(CLASSIFIER, heatmaps=dict(size=(12, 16), sigma=2))
    drawing = dict(type=lambda: bins, crop='student', heatmap_sigma=1.5)
    with pytest.raises(DistilPoseError, match=r'drawn from SimCC with model\.teacher\.heatmaps\.sigma; set that'):
        pair(drawing)


_CONFIG = """
_base_ = {heatmaps!r}
model = dict(
    _delete_=True, type='PoseDistiller', student=_base_.model, teacher={teacher!r},
    terms=dict(heatmaps=dict(type='HeatmapTerm', weight=100.0)))
"""


def test_a_training_on_crops_of_its_own_with_a_cache(fine: Path, tmp_path: Path) -> None:
    """Terms read widened heatmaps from the cache, and one of another sigma is refused."""
    write_distillation(tmp_path, write_data(tmp_path / 'data'))
    config = tmp_path / 'widened.py'
    own = spec(fine, heatmap_sigma=1.0, crop='own', view='clean')
    config.write_text(_CONFIG.format(heatmaps=str(tmp_path / 'teacher.py'), teacher=own))
    cached = {'default_hooks.teacher_cache.folder': str(tmp_path / 'cache'), 'train_cfg.max_epochs': 1,
              'default_hooks.teacher_cache.variants': 1, 'default_hooks.teacher_cache.dtype': 'float32'}
    losses = []
    for name, options in (('plain', {'train_cfg.max_epochs': 1}), ('empty', cached), ('full', cached)):
        train(config, work_dir=tmp_path / name, validate=False, seed=0, options=options)
        losses.append(logged_losses(tmp_path / name))
    assert losses[1] == losses[2] and losses[0] == pytest.approx(losses[1], rel=1e-5)
    with pytest.raises(DistilPoseError, match="widening of the teacher's heatmaps.*sigma 2 in cells of 6x8"):
        train(config, work_dir=tmp_path / 'other', validate=False, seed=0,
              options=cached | {'model.teacher.heatmap_sigma': 2.0})
