"""Steps of the recipes on the fake device: all tensors on one device, and no waits but the log's."""

from __future__ import annotations

from pathlib import Path

import pytest

from distilpose.config import PROJECT_ROOT, load_config
from tests.distillation.device_steps import training_step, unexpected

LOG = ('optimizer_wrapper.py:_clip_grad',)
"""Values that are read for the log in every iteration: the norm of the gradients, where they are clipped."""
QUICK = ('configs/quickstart/distilled.py', 'configs/quickstart/fpd_distilled.py',
         'configs/wholebody_2d_keypoint/dwpose/synthetic/dwpose_xxs-xxs_synthetic-128x96.py')


def recipes() -> list[str]:
    """Distillation configs of which no earlier one has the same model and optimizer; others differ in their data."""
    found: dict[str, str] = {}
    for path in sorted((PROJECT_ROOT / 'configs').rglob('*.py')):
        if '_base_' not in path.parts and 'quickstart' not in path.parts:
            config = load_config(path)
            if config.model.type == 'PoseDistiller':
                found.setdefault(repr((config.model, config.optim_wrapper)), str(path.relative_to(PROJECT_ROOT)))
    return list(found.values())


@pytest.mark.parametrize('path', QUICK, ids=lambda path: Path(path).stem)
def test_quick_recipes(path: str) -> None:
    assert unexpected(training_step(path), *LOG) == {}


@pytest.mark.slow
@pytest.mark.parametrize('family', ['distilpose', 'fpd', 'dwpose', 'simdr'])
def test_all_recipes(family: str) -> None:
    found = {path: unexpected(training_step(path), *LOG) for path in recipes() if f'/{family}/' in path}
    assert len(found) >= 3
    assert {path: waits for path, waits in found.items() if waits} == {}
