from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from distilpose.config.models import build_estimator
from distilpose.models.heads.coordinate_head import average_flipped
from distilpose.structures import PoseOutputs
from tests.devices import on_device
from tests.networks import ENCODER, INPUT_SIZE, STUDENT, batch, changed


def head(**options: Any) -> torch.nn.Module:
    torch.manual_seed(0)
    return build_estimator(changed(STUDENT, **options)).head


def features(size: int = 4) -> tuple[Tensor]:
    return (torch.randn(size, 8, 16, 12, generator=torch.Generator().manual_seed(3)),)


@on_device
@pytest.mark.parametrize('with_scores', [True, False])
@pytest.mark.parametrize('with_sigmas', [True, False])
def test_outputs_are_what_was_asked_for(with_scores: bool, with_sigmas: bool) -> None:
    outputs = head(with_scores=with_scores, with_sigmas=with_sigmas)(features())
    assert outputs.coords.shape == (4, 17, 2) and (outputs.coords > 0).all() and (outputs.coords < 1).all()
    assert (outputs.scores is not None) is with_scores and (outputs.sigmas is not None) is with_sigmas
    assert outputs.sigmas is None or (outputs.sigmas.shape == (4, 17, 2) and (outputs.sigmas > 0).all())


@on_device
def test_starts_at_the_centre_with_the_published_sigma() -> None:
    model = build_estimator(copy.deepcopy(STUDENT))
    model.init_weights()
    with torch.no_grad():
        model.head.readout[1].weight.zero_()
    outputs = model.head(features())
    assert (outputs.coords == 0.5).all() and (outputs.scores == 0).all()
    torch.testing.assert_close(outputs.sigmas, torch.full_like(outputs.sigmas, 0.6931472))


@on_device
def test_linear_layers_start_with_truncated_normals() -> None:
    torch.manual_seed(0)
    model = build_estimator(changed(STUDENT, encoder=dict(ENCODER, dim=64)))
    model.init_weights()
    for module in model.head.modules():
        if isinstance(module, torch.nn.Linear) and module.weight.numel() > 2000:
            assert abs(module.weight.std().item() - 0.02) < 2e-3
            assert module.bias is None or not module.bias.any()


@on_device
def test_loss_is_half_the_mean_squared_error_with_unlabelled_joints_as_zeros() -> None:
    model, (_, samples) = head(), batch()
    targets = torch.cat([sample.gt_instance_labels.keypoint_labels for sample in samples])
    weights = torch.cat([sample.gt_instance_labels.keypoint_weights for sample in samples])
    losses = model.loss(features(), samples)
    difference = (model(features()).coords - targets) * weights[..., None]
    torch.testing.assert_close(losses['loss_kpt'], 0.5 * difference.square().mean())


@on_device
def test_accuracy_counts_labelled_joints_only() -> None:
    model, (_, samples) = head(), batch()
    coords = model(features()).coords.detach()
    for sample, right in zip(samples, coords, strict=True):
        labels = sample.gt_instance_labels
        labels.keypoint_labels = right[None].clone()
        labels.keypoint_labels[0, 0] += 1
        labels.keypoint_weights = torch.ones(1, 17)
    assert model.loss(features(), samples)['acc_pose'].item() == pytest.approx(16 / 17)
    for sample in samples:
        sample.gt_instance_labels.keypoint_weights[0, 0] = 0
    assert model.loss(features(), samples)['acc_pose'] == 1
    for sample in samples:
        sample.gt_instance_labels.keypoint_weights.zero_()
    assert model.loss(features(), samples)['acc_pose'] == 0


@on_device
def test_decodes_to_input_pixels() -> None:
    model, (_, samples) = head().eval(), batch()
    outputs, predictions = model(features()), model.predict(features(), samples)
    assert len(predictions) == 4
    for index, prediction in enumerate(predictions):
        expected = outputs.coords[index].detach().cpu().numpy() * np.array(INPUT_SIZE)
        np.testing.assert_allclose(prediction.keypoints[0], expected, rtol=1e-6)
        np.testing.assert_allclose(prediction.keypoint_scores[0], outputs.scores[index, :, 0].detach().cpu().numpy())


@on_device
def test_without_scores_every_keypoint_is_certain() -> None:
    prediction = head(with_scores=False).predict(features(), batch()[1])[0]
    assert (prediction.keypoint_scores == 1).all()


class Mirrored(torch.nn.Module):
    """Stands for a perfect network: sees a person, or the same person in the mirror."""

    def __init__(self, indices: list[int], *, width: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(4)
        coords, scores = (torch.rand(1, 17, n, generator=generator) for n in (2, 1))
        mirrored = coords.clone()
        mirrored[..., 0] = (width - 1) / width - coords[..., 0]  # pixel x becomes width - 1 - x
        self.plain = PoseOutputs(coords=coords, scores=scores)
        self.flipped = PoseOutputs(coords=mirrored[:, indices], scores=scores[:, indices])


@pytest.fixture
def mirrored() -> Mirrored:
    return Mirrored(batch()[1][0].metainfo['flip_indices'], width=INPUT_SIZE[0])


def flip_average(mirrored: Mirrored, **test_cfg: bool) -> PoseOutputs:
    metainfo = batch()[1][0].metainfo
    return average_flipped(mirrored.plain, mirrored.flipped, metainfo, test_cfg)


@on_device
def test_flip_test_of_a_perfect_network_changes_nothing(mirrored: Mirrored) -> None:
    average = flip_average(mirrored)
    torch.testing.assert_close(average.coords, mirrored.plain.coords)
    torch.testing.assert_close(average.scores, mirrored.plain.scores)


@on_device
def test_official_flip_test_is_half_a_pixel_to_the_right_and_mixes_scores(mirrored: Mirrored) -> None:
    average = flip_average(mirrored, shift_coords=False, permute_scores=False)
    offset = (average.coords - mirrored.plain.coords) * torch.tensor(INPUT_SIZE)
    torch.testing.assert_close(offset, torch.tensor([0.5, 0.0]).expand_as(offset), atol=1e-5, rtol=0)
    torch.testing.assert_close(average.scores, (mirrored.plain.scores + mirrored.flipped.scores) / 2)


@on_device
def test_flip_test_asks_for_both_images() -> None:
    model, (images, samples) = build_estimator(changed(STUDENT)).eval(), batch()
    model.test_cfg = dict(flip_test=True)
    with torch.no_grad():
        both = model(images, samples, mode='predict')[0].pred_instances.keypoints
        model.test_cfg = {}
        one = model(images, samples, mode='predict')[0].pred_instances.keypoints
    assert both.shape == one.shape and not np.allclose(both, one)


@on_device
def test_last_layers_stay_in_float32_under_autocast() -> None:
    model = head()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        outputs = model(features())
    assert outputs.coords.dtype == outputs.sigmas.dtype == torch.float32
    assert (outputs.coords - model(features()).coords).abs().max() < 0.01


@on_device
def test_a_next_cycle_has_the_same_outputs() -> None:
    model, twice = head(), head(encoder=dict(ENCODER, cycles=2))
    twice.load_state_dict(model.state_dict())
    found, expected = model.next_cycle(model(features())), twice(features())
    assert found.produced() == expected.produced()
    assert all(torch.equal(getattr(found, name), getattr(expected, name)) for name in found.produced())
