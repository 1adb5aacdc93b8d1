from __future__ import annotations

import torch
from torch import Tensor, nn

from distilpose.distillation.terms import FeatureTerm, feature_loss
from distilpose.structures import PoseOutputs
from tests.devices import in_dtype
from tests.distillation.labels import labels

WEIGHTS = labels(torch.zeros(2, 3))  # nothing is labelled, and the maps teach all the same


def outputs(channels: int = 4, *, size: tuple[int, int] = (5, 3), seed: int = 0) -> PoseOutputs:
    """Two maps, of which the last one counts."""
    generator = torch.Generator().manual_seed(seed)
    return PoseOutputs(features=(torch.randn(2, 7, 10, 6, generator=generator),
                                 torch.randn(2, channels, *size, generator=generator)))


def prepared(student: PoseOutputs, teacher: PoseOutputs) -> FeatureTerm:
    term = FeatureTerm()
    assert term.mismatch(student, teacher) is None
    term.prepare(student, teacher)
    return term


@in_dtype
def test_is_the_sum_over_a_sample_written_out() -> None:
    student, teacher = outputs(seed=0), outputs(seed=1)
    by_sample = [(one - other).pow(2).sum() for one, other in zip(student.features[1], teacher.features[1],
                                                                  strict=True)]
    torch.testing.assert_close(prepared(student, teacher)(student, teacher, WEIGHTS), torch.stack(by_sample).mean())


@in_dtype
def test_zero_when_equal_and_the_same_for_a_repeated_batch() -> None:
    one, other = outputs(seed=0).features[1], outputs(seed=1).features[1]
    assert feature_loss(one, one) == 0
    torch.testing.assert_close(feature_loss(one.repeat(3, 1, 1, 1), other.repeat(3, 1, 1, 1)), feature_loss(one, other))


@in_dtype
def test_gradient() -> None:
    one, other = (outputs(seed=seed).features[1].double() for seed in (0, 1))
    assert torch.autograd.gradcheck(lambda maps: feature_loss(maps, other), one.requires_grad_())
    torch.testing.assert_close(torch.autograd.grad(feature_loss(one, other), one)[0], (one - other).detach())


@in_dtype
def test_the_projector_is_a_convolution_only_where_channels_differ() -> None:
    assert not list(prepared(outputs(4), outputs(4)).parameters())
    projector = prepared(outputs(4), outputs(9)).projector
    assert isinstance(projector, nn.Conv2d) and projector.bias is not None
    assert projector.weight.shape == (9, 4, 1, 1)
    assert 0.3 < projector.weight.abs().max() <= 0.5  # torch's default: uniform within 1 / sqrt(inputs)


@in_dtype
def test_the_projector_alone_can_bring_one_map_to_another() -> None:
    student, (mixing, shift) = outputs(4), (torch.randn(9, 4, generator=torch.Generator().manual_seed(3)), 0.7)
    target: Tensor = torch.einsum('oc,bchw->bohw', mixing, student.features[1]) + shift
    teacher = PoseOutputs(features=(target,))
    term = prepared(student, teacher)
    optimizer = torch.optim.LBFGS(term.parameters(), max_iter=50)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = term(student, teacher, WEIGHTS)
        loss.backward()
        return loss

    before = closure().item()
    optimizer.step(closure)
    assert closure().item() < 1e-4 * before
    torch.testing.assert_close(term.projector.weight.flatten(1), mixing, rtol=0.02, atol=0.02)


@in_dtype
def test_maps_of_other_sizes_are_averaged_and_those_of_other_aspect_ratios_refused() -> None:
    student, teacher = outputs(size=(6, 4)), outputs(size=(12, 8), seed=1)
    expected = feature_loss(student.features[1], nn.functional.avg_pool2d(teacher.features[1], 2))
    torch.testing.assert_close(prepared(student, teacher)(student, teacher, WEIGHTS), expected)
    reason = FeatureTerm().mismatch(outputs(), outputs(size=(6, 6)))
    assert "the student's last feature map is 3x5 (width x height), the teacher's last feature map 6x6" in reason


def test_it_declares_the_layers_that_it_reads() -> None:
    plain, term = FeatureTerm(), FeatureTerm(student_layer='backbone.layer3', teacher_layer='neck')
    assert (plain.student_fields, plain.student_layers) == (('features',), ())
    assert (term.student_fields, term.student_layers, term.teacher_layers) == (
        ('layers',), ('backbone.layer3',), ('neck',))


@in_dtype
def test_layers_are_compared_as_features_are() -> None:
    student, teacher = outputs(seed=0), outputs(seed=1)
    term = FeatureTerm(student_layer='backbone.layer3', teacher_layer='neck')
    layers = (PoseOutputs(layers={'backbone.layer3': student.features[1]}),
              PoseOutputs(layers={'neck': teacher.features[1]}))
    term.prepare(*layers)
    assert term(*layers, WEIGHTS) == prepared(student, teacher)(student, teacher, WEIGHTS)
