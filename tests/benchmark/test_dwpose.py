"""mmpose's own distiller of DWPose, made of a config of this project."""

from __future__ import annotations

import pytest
import torch

from distilpose.benchmark.dwpose import as_mmpose_distils, is_dwpose
from distilpose.benchmark.inputs import build_model, synthetic_batch, with_a_teacher
from distilpose.engine import read_config

FOLDER = 'configs/wholebody_2d_keypoint/dwpose/synthetic'


@pytest.mark.parametrize('name', ['dwpose_xs_dis_xxs_synthetic-128x96', 'dwpose_xxs-xxs_synthetic-128x96'])
def test_losses_of_the_first_iteration_are_equal(name: str) -> None:
    cfg = read_config(f'{FOLDER}/{name}.py')
    cfg.model.teacher.mode = 'train'  # as published
    batch = synthetic_batch(cfg, size=2)
    with with_a_teacher(cfg) as (ready, _):
        model = build_model(ready)
        assert is_dwpose(model)
        theirs = as_mmpose_distils(model, ready)
    if 'feature' in model.terms:
        align = theirs.distill_losses['loss_fea'].align
        align.load_state_dict(model.distillation['feature'].projector.state_dict())
    totals = []
    for network in (model.train(), theirs.train()):
        inputs = network.data_preprocessor(batch, training=True)
        losses = network(**inputs, mode='loss')
        totals.append(sum(value for key, value in losses.items() if 'loss' in key))
    torch.testing.assert_close(totals[0], totals[1], rtol=1e-4, atol=1e-5)


def test_other_methods_are_none_of_it() -> None:
    cfg = read_config('configs/own_data/resnet18_128x128.py')
    assert not is_dwpose(build_model(cfg))
