"""Steps of the recipes on the fake device: all tensors on one device, and no waits but the log's."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from distilpose.config import PROJECT_ROOT, load_config
from tests.distillation import device_steps
from tests.distillation.device_steps import launches_of_parts, training_step, unexpected

LOG = ('optimizer_wrapper.py:_clip_grad',)
"""Values that are read for the log in every iteration: the norm of the gradients, where they are clipped."""
FLIPS = ('tta.py:flip_heatmaps', 'simcc.py:mirror', 'coordinate_head.py:average_flipped')
"""The flip test sends the order of the keypoints to the device."""
PREDICTIONS = ('tensor_utils.py:to_numpy', 'heatmap_decoding.py:_to_host')
"""Decoded keypoints and scores."""
BODY = 'configs/body/2d_kpt_sview_rgb_img'
HEADS = {'configs/quickstart/distilled.py': 2, 'configs/quickstart/fpd_distilled.py': 1,
         'configs/wholebody_2d_keypoint/dwpose/synthetic/dwpose_xxs-xxs_synthetic-128x96.py': 4,
         f'{BODY}/simdr/lspet/simdr_resnet18_from_synthetic_lspet_64x64.py': 2,
         f'{BODY}/tokenpose/lspet/teacher_resnet18_lspet_96x64.py': 1,
         f'{BODY}/distilpose/lspet/resnet18_lspet_96x64.py': 1}
"""A config of every kind of student -> copies of its predictions to the CPU."""
QUICK = ('configs/quickstart/distilled.py', 'configs/quickstart/fpd_distilled.py',
         'configs/wholebody_2d_keypoint/dwpose/synthetic/dwpose_xxs-xxs_synthetic-128x96.py')


LARGER = ('fpd_distilled', 'tokenpose')


def recipes() -> list[str]:
    """Distillation configs of which no earlier one has the same model and optimizer; others differ in their data."""
    found: dict[str, str] = {}
    for path in sorted((PROJECT_ROOT / 'configs').rglob('*.py')):
        if not {'_base_', 'quickstart', 'plans'} & set(path.parts):
            config = load_config(path)
            if config.model.type == 'PoseDistiller':
                found.setdefault(repr((config.model, config.optim_wrapper)), str(path.relative_to(PROJECT_ROOT)))
    return list(found.values())


def params(paths: Iterable[str]) -> list[Any]:
    """Those of larger networks are slow."""
    return [pytest.param(path, id=Path(path).stem, marks=[pytest.mark.slow] * any(name in path for name in LARGER))
            for path in paths]


@pytest.mark.parametrize('path', params(QUICK))
def test_quick_recipes(path: str) -> None:
    assert unexpected(training_step(path), *LOG) == {}


@pytest.mark.slow
@pytest.mark.parametrize('rule', ['mean', 'confidence', 'expert'])
def test_combined_teachers(rule: str, tmp_path: Path) -> None:
    union = f'{PROJECT_ROOT}/{BODY}/several_teachers/lspet/two_teachers_union_hourglass_1x32_lspet_64x64.py'
    joints = dict(joints=['head_top', 'left_hip']) if rule == 'expert' else {}
    config = tmp_path / 'combined.py'
    config.write_text(f'_base_ = {union!r}\nmodel = dict(combine={rule!r}, teachers=dict(mpii={joints!r}))\n')
    assert unexpected(training_step(config), *LOG) == {}


@pytest.mark.slow
@pytest.mark.parametrize('family', ['distilpose', 'fpd', 'dwpose', 'simdr', 'sdpose', 'methods'])
def test_all_recipes(family: str) -> None:
    found = {path: unexpected(training_step(path), *LOG) for path in recipes() if f'/{family}/' in path}
    assert len(found) >= 3
    assert {path: waits for path, waits in found.items() if waits} == {}


@pytest.mark.parametrize('path', params(HEADS))
def test_a_batch_of_a_test_waits_for_its_predictions_alone(path: str) -> None:
    found = device_steps.test_step(path)
    assert unexpected(found, *FLIPS, *PREDICTIONS) == {}
    assert sum(wait.kind == 'to the CPU' for wait in found.waits) == HEADS[path]


@pytest.mark.slow
def test_launches_of_parts() -> None:
    found = launches_of_parts(QUICK[0])
    assert 0 <= found['all'] - sum(count for name, count in found.items() if name != 'all') < 20  # sums of losses
    assert found['images'] < 10 < found['teacher'] < found['all']
