"""Heads that decode a batch at once, against mmpose's way."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.codecs import MSRAHeatmap
from mmpose.models.heads.base_head import BaseHead
from mmpose.registry import KEYPOINT_CODECS
from torch import Tensor

from distilpose.config.models import build_estimator
from distilpose.host.speedups import head_decoding
from tests.devices import on_device
from tests.models.test_optimised import NETWORKS, randomised
from tests.networks import NUM_KEYPOINTS, batch, changed

SIZES = dict(input_size=(96, 128), heatmap_size=(24, 32), sigma=2)
CODECS = {
    'quarter offset': dict(SIZES, type='MSRAHeatmap'),
    'DARK': dict(SIZES, type='MSRAHeatmap', unbiased=True),
    'DARK, another kernel': dict(SIZES, type='MSRAHeatmap', unbiased=True, blur_kernel_size=7),
    'UDP': dict(SIZES, type='UDPHeatmap'),
    'UDP, another kernel': dict(SIZES, type='UDPHeatmap', blur_kernel_size=17),
}


class Shifted(MSRAHeatmap):
    """A codec of somebody who knows nothing of batches."""

    def decode(self, encoded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        keypoints, scores = super().decode(encoded)
        return keypoints + 1, scores


class Batched(MSRAHeatmap):
    """A codec with mmpose's own way to decode batches."""

    def batch_decode(self, batch_encoded: Tensor) -> tuple[list[np.ndarray], list[np.ndarray]]:
        return ([np.full((1, sample.shape[0], 2), 7.0) for sample in batch_encoded],
                [np.ones((1, sample.shape[0])) for sample in batch_encoded])


def head_with(codec: Any) -> Any:
    return SimpleNamespace(decoder=codec)


def maps_of(codec: Any, count: int, *, keypoints: int = 9) -> Tensor:
    """What the codec draws for joints in the image and up to its border, with a little noise."""
    random = np.random.RandomState(0)
    last_pixel = np.array(codec.input_size) - 1
    joints = random.uniform((0, 0), last_pixel, size=(count, 1, keypoints, 2)).astype(np.float32)
    maps = np.stack([codec.encode(sample)['heatmaps'] for sample in joints])
    return torch.from_numpy((maps + 1e-3 * random.randn(*maps.shape)).astype(np.float32))


def assert_alike(found: list[InstanceData], expected: list[InstanceData], *, atol: float = 1e-4) -> None:
    """Of one structure, equal scores, which are values of the maps, and keypoints within a part of a pixel."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert sorted(one.keys()) == sorted(other.keys()) == ['keypoint_scores', 'keypoints']
        assert one.keypoints.dtype == other.keypoints.dtype and one.keypoint_scores.dtype == other.keypoint_scores.dtype
        np.testing.assert_array_equal(one.keypoint_scores, other.keypoint_scores)
        np.testing.assert_allclose(one.keypoints, other.keypoints, rtol=0, atol=atol)


def test_it_is_how_mmposes_heads_decode() -> None:
    assert BaseHead.decode is head_decoding.decode


@pytest.mark.parametrize('count', [1, 5])
@pytest.mark.parametrize('name', CODECS)
def test_keypoints_are_those_of_single_samples(name: str, count: int) -> None:
    codec = KEYPOINT_CODECS.build(CODECS[name])
    assert head_decoding.batch_decoder(codec) is not None
    head, maps = head_with(codec), maps_of(codec, count)
    expected = head_decoding.sample_by_sample(head, maps)
    assert_alike(head_decoding.decode(head, maps), expected)
    short = maps.bfloat16()
    assert_alike(head_decoding.decode(head, short), head_decoding.sample_by_sample(head, short.float()), atol=1e-3)


@pytest.mark.parametrize('codec', [Shifted(**SIZES), Batched(**SIZES)])
def test_other_codecs_decode_for_themselves(codec: Any) -> None:
    assert head_decoding.batch_decoder(codec) is None
    maps = maps_of(codec, 2)
    found = head_decoding.decode(head_with(codec), maps)
    assert_alike(found, head_decoding.sample_by_sample(head_with(codec), maps), atol=0)
    plain = head_decoding.decode(head_with(MSRAHeatmap(**SIZES)), maps)
    if isinstance(codec, Shifted):
        np.testing.assert_allclose(found[0].keypoints, plain[0].keypoints + 1)
    else:
        assert (found[0].keypoints == 7).all()


def outcome(way: Any, codec: Any, maps: Any) -> Any:
    """What a way of decoding gives, or the error that it raises."""
    try:
        return way(head_with(codec), maps)
    except Exception as error:
        return type(error).__name__, str(error)


def peaks(height: int, width: int) -> Tensor:
    """(2, 3, height, width) gaussians, whose second derivatives at the highest cell are far from singular."""
    y, x = torch.arange(height).view(-1, 1), torch.arange(width)
    centres = [(8.3, 9.2), (12.7, 15.4), (14.1, 11.6), (9.9, 13.1), (15.2, 8.4), (11.6, 16.3)]
    return torch.stack([torch.exp(-((x - one) ** 2 + (y - other) ** 2) / 8) for one, other in centres]).view(
        2, 3, height, width)


MAPS = torch.rand(2, 3, 32, 24, generator=torch.Generator().manual_seed(0))
ODD_MAPS = {
    'float64': MAPS.double(), 'float16': MAPS.half(), 'integers': MAPS.mul(9).long(), 'no sample': MAPS[:0],
    'no keypoint': MAPS[:, :0], 'three axes': MAPS[0], 'five axes': MAPS[None], 'arrays': MAPS.double().numpy(),
    'a tuple': (MAPS, ), 'pairs': (MAPS, MAPS), 'a word': 'maps', 'meta': MAPS.to('meta'), 'nan': MAPS * torch.nan,
    'inf': MAPS.index_fill(-1, torch.tensor([3]), torch.inf), 'sparse': torch.eye(24).to_sparse(),
    'minus inf': MAPS.index_fill(-1, torch.tensor([3]), -torch.inf), 'a gradient': peaks(32, 24).requires_grad_(),
    'transposed': peaks(24, 32).transpose(2, 3)}


@pytest.mark.filterwarnings('ignore::RuntimeWarning')
@pytest.mark.parametrize('maps', ODD_MAPS)
@pytest.mark.parametrize('codec', CODECS)
def test_odd_maps_are_decoded_or_refused_as_by_mmpose(codec: str, maps: str) -> None:
    built = KEYPOINT_CODECS.build(CODECS[codec])
    found, expected = (outcome(way, built, ODD_MAPS[maps]) for way in (BaseHead.decode, head_decoding.sample_by_sample))
    if isinstance(expected, tuple):
        assert found == expected
    else:  # the blur adds in another order
        assert_alike(found, expected, atol=1e-2 if maps in ('a gradient', 'transposed') else 0)


@on_device
@pytest.mark.parametrize('size', [4, 1, 0, -3, 3.0, None])
def test_kernels_that_mmpose_refuses_are_refused_as_by_it(size: Any) -> None:
    codec = KEYPOINT_CODECS.build(dict(CODECS['DARK'], blur_kernel_size=size))
    found, expected = (outcome(way, codec, torch.rand(2, 3, 32, 24))
                       for way in (BaseHead.decode, head_decoding.sample_by_sample))
    assert found == expected


@on_device
def test_a_method_of_the_codec_itself_is_used() -> None:
    codec = MSRAHeatmap(**SIZES)
    codec.decode = lambda maps: (np.zeros((1, len(maps), 2)), np.ones((1, len(maps))))
    assert (BaseHead.decode(head_with(codec), torch.rand(2, 3, 32, 24))[0].keypoints == 0).all()


def test_a_subclass_that_only_draws_otherwise_is_decoded_at_once() -> None:
    class Blurred(MSRAHeatmap):
        def encode(self, *args: Any, **kwargs: Any) -> dict:
            raise NotImplementedError

    expected = head_decoding.batch_decoder(MSRAHeatmap(**SIZES))
    assert head_decoding.batch_decoder(Blurred(**SIZES)) is expected is not None


def test_maps_with_offsets_are_mmposes() -> None:
    codec = KEYPOINT_CODECS.build(dict(CODECS['UDP'], heatmap_type='combined'))
    assert head_decoding.batch_decoder(codec) is None
    head, maps = head_with(codec), maps_of(codec, 2)
    assert_alike(head_decoding.decode(head, maps), head_decoding.sample_by_sample(head, maps), atol=0)


@on_device
def test_without_a_codec_mmpose_says_so() -> None:
    with pytest.raises(RuntimeError, match='The decoder has not been set'):
        head_decoding.decode(head_with(None), torch.rand(1, 2, 8, 6))


@torch.no_grad()
@pytest.mark.parametrize('codec', ['quarter offset', 'DARK', 'UDP'])
@pytest.mark.parametrize('name', ['TokenPoseHead', 'HeatmapHead', 'pre-activated hourglass'])
def test_predictions_with_the_flip_test(name: str, codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The maps have peaks: in the noise of random weights, second derivatives of 0 make steps of any length."""
    config = NETWORKS[name]
    sizes = {key: config['head']['decoder'][key] for key in ('input_size', 'heatmap_size')}
    config = dict(changed(config, decoder={**CODECS[codec], **sizes}), test_cfg=dict(
        flip_test=True, flip_mode='heatmap', shift_heatmap=False, output_heatmaps=True))
    torch.manual_seed(0)
    model = randomised(build_estimator(config)).eval()
    _, samples = batch(3)
    images = torch.randn(3, 3, *sizes['input_size'][::-1])
    peaks = maps_of(model.head.decoder, 3, keypoints=NUM_KEYPOINTS)
    monkeypatch.setattr(BaseHead, 'decode', lambda head, maps: head_decoding.decode(head, peaks + 1e-3 * maps))
    found = model.predict(images, copy.deepcopy(samples))
    monkeypatch.setattr(BaseHead, 'decode',
                        lambda head, maps: head_decoding.sample_by_sample(head, peaks + 1e-3 * maps))
    for one, other in zip(found, model.predict(images, copy.deepcopy(samples)), strict=True):
        np.testing.assert_array_equal(one.pred_instances.keypoint_scores, other.pred_instances.keypoint_scores)
        np.testing.assert_allclose(one.pred_instances.keypoints, other.pred_instances.keypoints, rtol=0,
                                   atol=1e-3)
        assert torch.equal(one.pred_fields.heatmaps, other.pred_fields.heatmaps)
