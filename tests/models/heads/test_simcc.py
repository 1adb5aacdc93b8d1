"""Decoding and flip test of SimDR and SimDR*, against published figures and against a network that mirrors exactly."""

from __future__ import annotations

import pytest
import torch
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from torch import Tensor

from distilpose.errors import DistilPoseError
from distilpose.models.heads.simcc import average_flipped, decode_axes, mirror, shift_left
from tests.devices import on_device
from tests.parity.reference import fixture

RULES = dict(simdr=('', 'probabilities', 'larger'), sa_simdr=('sa_', 'logits', 'smaller'))


@pytest.fixture(scope='module')
def given() -> dict[str, Tensor]:
    return {name: torch.as_tensor(value) for name, value in fixture('simdr_targets_losses_decode').items()
            if name.startswith(('network', 'decode', 'sa_decode'))}


@on_device
@pytest.mark.parametrize('flip', ['', '_flip'])
@pytest.mark.parametrize('rules', RULES.values(), ids=RULES)
def test_published_coordinates_and_confidences(rules: tuple[str, str, str], flip: str,
                                               given: dict[str, Tensor]) -> None:
    entry, average, score = rules
    plain = given['network_output_x'], given['network_output_y']
    probabilities = tuple(logits.softmax(-1) for logits in plain)
    if flip:
        indices = parse_pose_metainfo(dict(from_file='configs/_base_/datasets/coco.py'))['flip_indices']
        mirrored = mirror((given['network_flip_output_x'], given['network_flip_output_y']), flip_indices=indices,
                          shift=1)
        probabilities = average_flipped(plain, mirrored, average=average)
    keypoints, scores = decode_axes(probabilities, ratio=2, score=score)
    torch.testing.assert_close(keypoints, given[f'{entry}decode.coords{flip}'], rtol=0, atol=0)
    torch.testing.assert_close(scores, given[f'{entry}decode.conf{flip}'], rtol=1e-5, atol=1e-8)


def bumps(x: float, *, width: int, ratio: float) -> Tensor:
    """(1, 1, bins): what an exact network shows of a joint at x pixels."""
    return -0.5 * (torch.arange(int(width * ratio)) - x * ratio)[None, None] ** 2


@on_device
@pytest.mark.parametrize('ratio, exact, published', [(1, 0, 1), (1.5, 0.5, 0.5), (2, 1, 0), (3, 2, -1)])
def test_the_exact_shift_is_the_split_ratio_less_one(ratio: float, exact: float, published: float) -> None:
    """A joint at x is at ``W - 1 - x`` in the mirror. One bin is right for two bins a pixel only."""
    x, width = 20.0, 64
    expected = bumps(x, width=width, ratio=ratio)
    seen = bumps(width - 1 - x, width=width, ratio=ratio)
    aligned, _ = mirror((seen, seen), flip_indices=[0], shift=exact)
    inside = slice(5, -5)
    if exact == int(exact):
        torch.testing.assert_close(aligned[..., inside], expected[..., inside])
    centre = (aligned.softmax(-1) * torch.arange(int(width * ratio))).sum() / ratio
    assert centre.item() == pytest.approx(x, abs=1e-3)
    one_bin, _ = mirror((seen, seen), flip_indices=[0], shift=1)
    centre = (one_bin.softmax(-1) * torch.arange(int(width * ratio))).sum()
    assert x * ratio - centre.item() == pytest.approx(published, abs=1e-3)


@on_device
def test_the_last_bins_keep_their_values() -> None:
    values = torch.tensor([3.0, 1.0, 4.0, 1.5])
    assert shift_left(values, 1).tolist() == [1.0, 4.0, 1.5, 1.5]
    assert shift_left(values, 2).tolist() == [4.0, 1.5, 4.0, 1.5]
    assert shift_left(values, 0.5).tolist() == [2.0, 2.5, 2.75, 1.5]
    assert shift_left(values, 0).tolist() == values.tolist()


@on_device
def test_the_mirror_swaps_joints_on_both_axes() -> None:
    along_x, along_y = mirror((torch.eye(2)[None], torch.eye(2)[None]), flip_indices=[1, 0], shift=0)
    assert along_x.tolist() == torch.eye(2)[None].tolist()  # swapped and reversed
    assert along_y.tolist() == torch.eye(2).flip(0)[None].tolist()


@on_device
def test_options_without_a_meaning_are_refused() -> None:
    axes = torch.rand(1, 2, 4), torch.rand(1, 2, 4)
    with pytest.raises(DistilPoseError, match=r"average='mean'.*'probabilities', 'logits'"):
        average_flipped(axes, axes, average='mean')
    with pytest.raises(DistilPoseError, match="score='max'"):
        decode_axes(axes, ratio=2, score='max')
