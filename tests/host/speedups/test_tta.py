"""The flip test as one batch against mmpose's two, and which is taken where."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from mmpose.models import TopdownPoseEstimator
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from distilpose.config.models import build_estimator
from distilpose.errors import DistilPoseError
from distilpose.host.speedups import tta
from distilpose.structures import PoseOutputs
from tests.networks import HEATMAP_SIZE, INPUT_SIZE, NUM_KEYPOINTS, STUDENT, TEACHER, batch

SIZES = dict(in_channels=8, in_featuremap_size=HEATMAP_SIZE, out_channels=NUM_KEYPOINTS, input_size=INPUT_SIZE,
             simcc_split_ratio=2.0)
SIMCC = dict(type='SimCCLabel', input_size=INPUT_SIZE, sigma=2.0, simcc_split_ratio=2.0)
HEATMAPS = dict(type='MSRAHeatmap', input_size=INPUT_SIZE, heatmap_size=HEATMAP_SIZE, sigma=1)


def with_head(**head: Any) -> dict:
    return dict(STUDENT, head=head)


NETWORKS = {
    'DistilPoseHead': STUDENT,
    'TokenPoseHead': TEACHER,
    'HeatmapHead': with_head(type='HeatmapHead', in_channels=8, out_channels=NUM_KEYPOINTS, deconv_out_channels=None,
                             decoder=HEATMAPS),
    'SimCCHead': with_head(type='SimCCHead', **SIZES, deconv_out_channels=None, decoder=SIMCC),
    'RTMCCHead': with_head(type='RTMCCHead', **SIZES, final_layer_kernel_size=1, decoder=SIMCC,
                           gau_cfg=dict(hidden_dims=16, s=8, expansion_factor=2, dropout_rate=0.0, drop_path=0.0,
                                        act_fn='SiLU', use_rel_bias=False, pos_enc=False)),
    'RegressionHead': dict(with_head(type='RegressionHead', in_channels=8, num_joints=NUM_KEYPOINTS,
                                     decoder=dict(type='RegressionLabel', input_size=INPUT_SIZE)),
                           neck=dict(type='GlobalAveragePooling')),
    'RLEHead': dict(with_head(type='RLEHead', in_channels=8, num_joints=NUM_KEYPOINTS,
                              decoder=dict(type='RegressionLabel', input_size=INPUT_SIZE)),
                    neck=dict(type='GlobalAveragePooling')),
}


def estimator(name: str, **test_cfg: Any) -> Any:
    """A network with weights that say something, in eval mode, with the flip test."""
    torch.manual_seed(0)
    model = build_estimator(dict(copy.deepcopy(NETWORKS[name]), test_cfg=dict(flip_test=True, **test_cfg)))
    for parameter in model.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    return model.eval()


@torch.no_grad()
def answers(predict: Any, model: Any, size: int = 3) -> tuple[np.ndarray, np.ndarray]:
    images, samples = batch(size)
    found = [sample.pred_instances for sample in predict(model, images, samples)]
    return (np.concatenate([instances.keypoints for instances in found]),
            np.concatenate([instances.keypoint_scores for instances in found]))


def test_it_is_how_mmposes_estimator_predicts() -> None:
    assert TopdownPoseEstimator.predict is tta.predict


@pytest.mark.parametrize(('option', 'device', 'size', 'way'), [
    (None, 'cpu', 1, 'in_one_batch'), (None, 'cpu', 2, 'in_two_batches'), (None, 'meta', 16, 'in_one_batch'),
    (None, 'meta', 17, 'in_two_batches'), ('auto', 'cpu', 1, 'in_one_batch'), ('auto', 'meta', 17, 'in_two_batches'),
    (True, 'cpu', 9, 'in_one_batch'), (True, 'meta', 99, 'in_one_batch'), (False, 'cpu', 1, 'in_two_batches'),
    (False, 'meta', 1, 'in_two_batches')])
def test_option_device_and_size_choose(option: bool | str | None, device: str, size: int, way: str,
                                       monkeypatch: pytest.MonkeyPatch) -> None:
    """`meta` stands for any device but the CPU; mmpose's configs do not have the option."""
    for name in ('in_one_batch', 'in_two_batches'):
        monkeypatch.setattr(tta, name, lambda *_, name=name: [name])
    model = estimator('DistilPoseHead', **({} if option is None else dict(flip_in_one_batch=option)))
    assert model.predict(torch.empty(size, 3, *INPUT_SIZE[::-1], device=device), []) == [way]


@pytest.mark.parametrize('value', ['always', 1, None])
def test_another_value_is_refused(value: Any) -> None:
    images, samples = batch(1)
    words = rf"model\.test_cfg\.flip_in_one_batch is {value!r}; expected True, False or 'auto'"
    with pytest.raises(DistilPoseError, match=words):
        estimator('DistilPoseHead', flip_in_one_batch=value).predict(images, samples)


@pytest.mark.parametrize('size', [1, 3])
@pytest.mark.parametrize('name', NETWORKS)
def test_answers_are_those_of_two_batches(name: str, size: int) -> None:
    options = dict(flip_mode='heatmap', shift_heatmap=False) if name == 'HeatmapHead' else {}
    model = estimator(name, **options)
    for computed, expected in zip(answers(tta.in_one_batch, model, size),
                                  answers(tta.in_two_batches, model, size),
                                  strict=True):
        assert computed.std() > 0 or name == 'RegressionHead'  # whose scores are 1
        np.testing.assert_allclose(computed, expected, rtol=1e-4, atol=1e-4)


def count_runs(model: Any) -> list[int]:
    """How many images the backbone and the head's encoder are given, every time they run; without hooks."""
    seen: list[int] = []
    for module in (model.backbone, model.head.encoder):
        run = module.forward
        module.forward = lambda images, run=run: (seen.append(len(images)), run(images))[1]
    return seen


def attributes(model: nn.Module) -> list[dict[str, Any]]:
    """What every module holds."""
    return [dict(vars(module), _modules=dict(module._modules)) for module in model.modules()]


def test_backbone_and_head_run_once_and_the_model_is_not_touched() -> None:
    model = estimator('DistilPoseHead')
    seen, before, during = count_runs(model), attributes(model), []
    decode = model.head.decoder.decode
    model.head.decoder.decode = lambda coords: (during.append(attributes(model)), decode(coords))[1]
    answers(tta.in_one_batch, model)
    assert seen == [6, 6]
    assert during == [before] and attributes(model) == before


@pytest.mark.parametrize('change', ['no flip test', 'training', 'a part in training'])
def test_otherwise_it_is_mmposes(change: str) -> None:
    """Without a flip test there is one batch; in train mode the samples of a batch depend on each other."""
    model = estimator('DistilPoseHead')
    if change == 'no flip test':
        model.test_cfg = model.head.test_cfg = dict(flip_test=False)
    else:
        (model if change == 'training' else model.backbone.layer1[0]).train()
    seen = count_runs(model)
    answers(tta.in_one_batch, model)
    assert seen == ([3, 3] if change == 'no flip test' else [3, 3, 3, 3])


HOOKS = dict(
    forward=lambda module, see: module.register_forward_hook(lambda _, inputs, __: see(inputs[0])),
    pre=lambda module, see: module.register_forward_pre_hook(lambda _, inputs: see(inputs[0])),
    all_modules=lambda module, see: register_module_forward_hook(
        lambda called, inputs, _: see(inputs[0]) if called is module else None))


@pytest.mark.parametrize('kind', HOOKS)
def test_hooks_see_what_they_see_with_mmpose(kind: str) -> None:
    """Two passes over the images as they came, and no head, which mmpose does not call as a module."""
    model, seen = estimator('HeatmapHead'), []
    handles = [HOOKS[kind](module, lambda given, name=name: seen.append((name, len(given))))
               for name, module in [('conv', model.backbone.layer1[0].conv1), ('head', model.head)]]
    try:
        answers(tta.in_one_batch, model)
    finally:
        for handle in handles:
            handle.remove()
    assert seen == [('conv', 3), ('conv', 3)]


def test_gradients_that_hooks_wait_for_count_too() -> None:
    model = estimator('DistilPoseHead')
    seen = count_runs(model)
    model.backbone.conv1.register_full_backward_hook(lambda *_: None)
    answers(tta.in_one_batch, model)
    assert seen == [3, 3, 3, 3]


def test_a_head_that_runs_on_other_features_runs() -> None:
    """Such as one with a part that is a head itself."""
    model = estimator('DistilPoseHead')
    own, forward = type(model.head).predict, model.head.forward
    known: list[Any] = []

    def predict(self: Any, feats: Any, *args: Any, **kwargs: Any) -> Any:
        known.append((self.forward((2 * feats[0][0],)).coords, forward((2 * feats[0][0],)).coords))
        return own(self, feats, *args, **kwargs)

    model.head.__class__ = type('Curious', (type(model.head),), dict(predict=predict))
    answers(tta.in_one_batch, model)
    torch.testing.assert_close(*known[0])


@pytest.mark.parametrize('whose', ['features', 'predictions'])
def test_what_cannot_be_halved_takes_two_batches(whose: str) -> None:
    model = estimator('DistilPoseHead')
    if whose == 'features':
        whole = model.extract_feat
        model.extract_feat = lambda images: (*whole(images), 'a word')
    model.head.forward = lambda maps: type(model.head).forward(model.head, maps[:1])._replace(
        visual_tokens='a word' if whose == 'predictions' else None)
    computed = answers(tta.in_one_batch, model)
    np.testing.assert_allclose(computed[0], answers(tta.in_two_batches, model)[0], rtol=1e-4, atol=1e-4)


def test_halves() -> None:
    maps = torch.arange(4.0)[:, None]
    outputs, other = tta.halves([PoseOutputs(coords=maps, heatmaps=(maps, -maps)), (None,)], 2) or ([], [])
    assert isinstance(outputs, list) and isinstance(outputs[0], PoseOutputs) and outputs[1] == (None,)
    torch.testing.assert_close(outputs[0].coords, maps[:2])
    torch.testing.assert_close(other[0].heatmaps, (maps[2:], -maps[2:]))
    for unknown in ('a word', maps[:3], torch.tensor(1.0), [maps, 3]):
        assert tta.halves(unknown, 2) is None
