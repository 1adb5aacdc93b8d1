"""Quick copies against the estimators that they are of."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from distilpose.config.models import build_estimator
from distilpose.errors import DistilPoseError
from distilpose.models import fast_settings, optimised
from distilpose.models.optimised import example_images, optimise_for_inference
from tests import rtmpose
from tests.host.speedups.test_tta import NETWORKS as HEADS
from tests.host.speedups.test_tta import answers
from tests.networks import HEATMAP_SIZE, INPUT_SIZE, NUM_KEYPOINTS, STUDENT

HEATMAPS = dict(type='MSRAHeatmap', input_size=INPUT_SIZE, heatmap_size=HEATMAP_SIZE, sigma=1)
SQUARE = dict(HEATMAPS, input_size=(64, 64), heatmap_size=(16, 16))
HRNET = {f'stage{stage}': dict(num_modules=1, num_branches=max(stage, 1), block='BOTTLENECK' if stage == 1 else 'BASIC',
                               num_blocks=(1,) * stage, num_channels=tuple(4 * 2 ** branch for branch in range(stage)))
         for stage in (1, 2, 3, 4)}
NETWORKS = {
    **HEADS,
    'deconvolutions': dict(STUDENT, head=dict(
        type='HeatmapHead', in_channels=8, out_channels=NUM_KEYPOINTS, deconv_out_channels=(4,),
        deconv_kernel_sizes=(4,), decoder=dict(HEATMAPS, heatmap_size=(24, 32)))),
    'HRNet': dict(STUDENT, backbone=dict(type='HRNet', in_channels=3, extra=HRNET),
                  head=dict(type='HeatmapHead', in_channels=4, out_channels=NUM_KEYPOINTS, deconv_out_channels=None,
                            decoder=SQUARE)),
    'pre-activated hourglass': dict(
        STUDENT, backbone=dict(type='StackedHourglass', num_keypoints=NUM_KEYPOINTS, num_stacks=2, channels=8),
        head=dict(type='CPMHead', in_channels=NUM_KEYPOINTS, out_channels=NUM_KEYPOINTS, num_stages=2,
                  final_layer=None, deconv_out_channels=None,
                  decoder=SQUARE)),
    'RTMPose': rtmpose.network(),
}


class Misnamed(nn.Module):
    """A backbone whose normalisation comes first and is named last, for which folding would be wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1, stride=4)
        self.bn = nn.BatchNorm2d(8)

    def forward(self, images: Tensor) -> tuple[Tensor]:
        return (self.conv(self.bn(torch.cat((images, images, images[:, :2]), dim=1))[:, :3]),)


def estimator(name: str, **test_cfg: Any) -> Any:
    """A network whose weights and running statistics all say something."""
    torch.manual_seed(0)
    return randomised(build_estimator(dict(copy.deepcopy(NETWORKS[name]), test_cfg=dict(flip_test=True, **test_cfg))))


def randomised(model: Any) -> Any:
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.5)
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
        elif isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(module.weight, std=module.weight[0].numel() ** -0.5)
    return model


@torch.no_grad()
def shown(model: Any, images: Tensor) -> list[Tensor]:
    return [leaf for leaf in pytree.tree_leaves(model.head(model.extract_feat(images))) if isinstance(leaf, Tensor)]


def noise(model: Any, size: int = 2) -> Tensor:
    return torch.randn(size, *example_images(model).shape[1:], generator=torch.Generator().manual_seed(7))


def spread(values: Tensor) -> float:
    return float(values.float().std())


def has_norms(model: nn.Module) -> bool:
    return any(isinstance(module, nn.BatchNorm2d) for module in model.modules())


@pytest.mark.parametrize('name', NETWORKS)
def test_answers_are_the_same_and_batch_normalisation_is_gone(name: str) -> None:
    model = estimator(name).eval()
    fast, images = optimise_for_inference(model, visual_tokens=True), noise(model)
    for found, expected in zip(shown(fast, images), shown(model, images), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=2e-5 * spread(expected))
    assert has_norms(fast) == (name in ('deconvolutions', 'pre-activated hourglass'))  # some follow no convolution
    assert not fast.training and not any(parameter.requires_grad for parameter in fast.parameters())


def test_normalisation_is_fused_where_float32_is_multiplied_as_bfloat16() -> None:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision('medium')
    try:
        assert not has_norms(optimise_for_inference(estimator('TokenPoseHead').eval()))
    finally:
        torch.set_float32_matmul_precision(before)


def test_visual_tokens_are_left_out_unless_they_are_wanted() -> None:
    model = estimator('TokenPoseHead').eval()
    images = noise(model)
    with torch.no_grad():
        found, expected = (one.head(one.extract_feat(images)) for one in (optimise_for_inference(model), model))
    assert found.visual_tokens is None and expected.visual_tokens is not None
    torch.testing.assert_close(found.heatmaps[-1], expected.heatmaps[-1], rtol=0,
                               atol=2e-5 * spread(expected.heatmaps[-1]))


def test_weights_of_token_encoders_are_stored_in_the_type_of_their_products() -> None:
    head = optimise_for_inference(estimator('TokenPoseHead').eval(), dtype='float16').head
    layers = {name: module.weight.dtype for name, module in head.named_modules() if isinstance(module, nn.Linear)}
    assert {dtype for name, dtype in layers.items() if name.startswith('encoder.')} == {torch.float16}
    assert {dtype for name, dtype in layers.items() if name.startswith('readout.')} == {torch.float32}


def test_of_pre_activated_blocks_the_first_normalisation_stays() -> None:
    """It follows a sum, and the others a convolution."""
    fast = optimise_for_inference(estimator('pre-activated hourglass'))
    block = fast.backbone.layer1[0]
    assert isinstance(block.bn1, nn.BatchNorm2d)
    assert isinstance(block.bn2, nn.Identity) and isinstance(block.bn3, nn.Identity)


@pytest.mark.parametrize('name', NETWORKS)
def test_bfloat16_stays_near_and_last_layers_are_in_float32(name: str) -> None:
    """bfloat16 has 8 bits; an answer is off by at most a tenth of the answers' spread."""
    model = estimator(name).eval()
    fast, images = optimise_for_inference(model, dtype='bfloat16', visual_tokens=True), noise(model)
    for index, (found, expected) in enumerate(zip(shown(fast, images), shown(model, images), strict=True)):
        assert (found.float() - expected).abs().max() < 0.1 * spread(expected)
        is_read_out = index == 0 and name != 'pre-activated hourglass'  # whose backbone draws the heatmaps
        assert found.dtype is torch.float32 or not is_read_out


@pytest.mark.parametrize('dtype', [None, 'bfloat16'])
@pytest.mark.parametrize('name', ['DistilPoseHead', 'TokenPoseHead', 'HeatmapHead', 'RTMCCHead'])
def test_it_predicts_with_the_flip_test(name: str, dtype: str | None) -> None:
    model = estimator(name, flip_mode='heatmap', shift_heatmap=False).eval()
    (found, scores), (expected, known) = (answers(type(model).predict, one)
                                          for one in (optimise_for_inference(model, dtype=dtype), model))
    if dtype is None:
        np.testing.assert_allclose(found, expected, atol=1e-3)
        np.testing.assert_allclose(scores, known, atol=1e-4)
    else:  # the highest of many random cells may be another one
        assert np.median(np.abs(found - expected)) < 0.5


def test_the_estimator_stays_as_it_is() -> None:
    model = estimator('DistilPoseHead').train()
    before, layout = copy.deepcopy(model.state_dict()), model.backbone.conv1.weight.stride()
    optimise_for_inference(model, dtype='bfloat16')
    assert model.training and has_norms(model) and model.backbone.conv1.weight.stride() == layout
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.requires_grad for name, parameter in model.named_parameters() if 'position' not in name)
    assert not {'extract_feat', 'forward'} & {*vars(model), *vars(model.head)}


def test_it_draws_no_random_numbers() -> None:
    model = estimator('DistilPoseHead')
    state = torch.get_rng_state()
    optimise_for_inference(model)
    assert torch.equal(torch.get_rng_state(), state)


def test_float32_is_meant_under_any_autocast() -> None:
    model = estimator('TokenPoseHead').eval()
    fast, images = optimise_for_inference(model), noise(model)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        inside = shown(fast, images)
    assert all(torch.equal(one, other) for one, other in zip(inside, shown(fast, images), strict=True))


def test_a_copy_of_it_asks_its_own_weights() -> None:
    fast = optimise_for_inference(estimator('DistilPoseHead'))
    images, other = noise(fast), copy.deepcopy(fast)
    before = shown(fast, images)[0]
    with torch.no_grad():
        other.backbone.conv1.weight.zero_()
    assert torch.equal(shown(fast, images)[0], before) and not torch.equal(shown(other, images)[0], before)


def test_where_folding_would_change_the_answers_it_is_left_out() -> None:
    model = estimator('DistilPoseHead').eval()
    model.backbone = randomised(Misnamed().eval())
    fast, images = optimise_for_inference(model, visual_tokens=True), noise(model)
    assert has_norms(fast)
    torch.testing.assert_close(shown(fast, images), shown(model, images))


def test_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a backend that only traces, so that no compiler is needed."""
    traced = torch._dynamo.optimize('eager', nopython=True)
    monkeypatch.setattr(torch, 'compile', lambda function, **options: traced(function))
    model = estimator('DistilPoseHead').eval()
    fast, images = optimise_for_inference(model, compile='reduce-overhead', visual_tokens=True), noise(model)
    for found, expected in zip(shown(fast, images), shown(model, images), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=2e-5 * spread(expected))


def test_a_machine_without_a_compiler_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def backend(graph: Any, inputs: Any) -> Any:
        raise RuntimeError('no compiler found')

    failing = torch._dynamo.optimize(backend)
    monkeypatch.setattr(torch, 'compile', lambda function, **options: failing(function))
    fast = optimise_for_inference(estimator('DistilPoseHead'), compile='default')
    with pytest.raises(DistilPoseError, match='failed on this machine: .*no compiler found'):
        fast.extract_feat(noise(fast))


def test_compiled_copies_share_no_frozen_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch gives what it compiled with an equal backend to every network of a class."""
    backends: list[Any] = []
    monkeypatch.setattr(torch, 'compile', lambda function, *, backend: backends.append(backend) or function)
    for _ in range(2):
        optimise_for_inference(estimator('DistilPoseHead'), compile='default')
    assert all(one != other for one, other in itertools.combinations(backends, 2)) and len(backends) == 4


@pytest.mark.parametrize('fast', [True, False])
def test_auto_is_read_from_the_processor(fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_settings, 'has_fast_bfloat16', lambda device_type: fast)
    model = estimator('DistilPoseHead').eval()
    images, dtype = noise(model), 'bfloat16' if fast else None
    found, expected = (shown(optimise_for_inference(model, dtype=name), images) for name in ('auto', dtype))
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


def test_answers_of_cuda_graphs_are_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every answer of a graph lies in the same memory."""
    memory = torch.zeros(2, 3)

    def graph(function: Any, **options: Any) -> Any:
        return lambda module, inputs: (memory.add_(1), None)

    monkeypatch.setattr(torch, 'compile', graph)
    fast = {mode: optimise_for_inference(estimator('DistilPoseHead'), compile=mode) for mode in optimised.COMPILE_MODES}
    for mode, model in fast.items():
        first, second = (model.extract_feat(noise(model)) for _ in range(2))
        assert torch.equal(first[0], second[0]) == (mode == 'default') and second[1] is None


@pytest.mark.parametrize('options, words', [
    (dict(dtype='float64'), "dtype is 'float64'; expected None .* auto or one of bfloat16, float16"),
    (dict(compile='fast'), "compile is 'fast'; expected None or one of default, reduce-overhead"),
])
def test_what_it_does_not_know_is_refused(options: dict, words: str) -> None:
    with pytest.raises(DistilPoseError, match=words):
        optimise_for_inference(estimator('DistilPoseHead'), **options)
