from __future__ import annotations

import pytest
import torch

from distilpose.distillation.terms import JointRelationTerm, SampleRelationTerm
from distilpose.distillation.terms.relational import angle_loss, distance_loss
from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs
from tests.devices import on_device
from tests.distillation.labels import labels

from .test_relational import points


@on_device
def test_joints_of_heatmaps_and_coordinates_are_related() -> None:
    teacher, weights = points(3, 5, 2, seed=1), torch.ones(3, 5)
    weights[0, :3] = 0
    student = points(3, 5, 2).requires_grad_()
    term = JointRelationTerm(distance=2, angle=3)
    assert term.mismatch(PoseOutputs(coords=student), PoseOutputs(coords=teacher)) is None
    loss = term(PoseOutputs(coords=student), PoseOutputs(coords=teacher), labels(weights))
    torch.testing.assert_close(loss, 2 * distance_loss(student, teacher, weights=weights)
                               + 3 * angle_loss(student, teacher, weights=weights))
    loss.backward()
    assert not student.grad[0, :3].any() and student.grad[1].any()
    maps = torch.zeros(3, 5, 16, 12)
    maps[:, :, 4, 4] = 1
    maps[:, 3] = 0  # no peak
    place = torch.rand(3, 5, 16, 12).requires_grad_()
    heatmaps = JointRelationTerm(student='heatmaps', angle=0)
    heatmaps(PoseOutputs(heatmaps=(place,)), PoseOutputs(heatmaps=(maps,)), labels(torch.ones(3, 5))).backward()
    assert not place.grad[:, 3].any() and torch.isfinite(place.grad).all()


@on_device
def test_refusals() -> None:
    with pytest.raises(DistilPoseError, match='got distance=0 and angle=0; expected weights that are not negative'):
        JointRelationTerm(distance=0, angle=0)
    with pytest.raises(DistilPoseError, match="JointRelationTerm got student='tokens'"):
        JointRelationTerm(student='tokens')
    many = PoseOutputs(coords=torch.rand(1, 133, 2))
    assert '133 joints have 2.4 million angles a person; set angle=0' in JointRelationTerm().mismatch(many, many)
    assert JointRelationTerm(angle=0).mismatch(many, many) is None
    assert 'from which coordinates cannot be decoded' in JointRelationTerm().mismatch(
        PoseOutputs(coords=torch.rand(1, 5, 2)), PoseOutputs(features=(torch.rand(1, 5, 2, 2),)))


@on_device
def test_samples_are_related_by_their_pooled_features() -> None:
    student = PoseOutputs(features=(points(4, 3, 2, 2).requires_grad_(),))
    teacher = PoseOutputs(features=(points(4, 9, 3, 1), points(4, 5, 4, 4, seed=1)))  # the last one counts
    term = SampleRelationTerm(distance=2, angle=3)
    assert term.mismatch(student, teacher) is None and not list(term.parameters())
    one, other = student.features[0].mean((2, 3))[None], teacher.features[-1].mean((2, 3))[None]
    loss = term(student, teacher, labels(torch.zeros(4, 17)))
    torch.testing.assert_close(loss, 2 * distance_loss(one, other) + 3 * angle_loss(one, other))
    loss.backward()
    assert student.features[0].grad.any()
    assert term(teacher, PoseOutputs(features=(7 * teacher.features[-1],)), labels(torch.zeros(4, 17))).item() < 1e-9
    alone = term(PoseOutputs(features=(points(1, 3, 2, 2),)), PoseOutputs(features=(points(1, 5, 2, 2),)),
                 labels(torch.zeros(1, 17)))
    assert alone.item() == 0


@on_device
def test_samples_are_related_by_their_tokens_and_layers() -> None:
    student, teacher = (PoseOutputs(keypoint_tokens=points(3, 4, width, seed=width),
                                    visual_tokens=points(3, width, 6, seed=width),
                                    layers=dict(encoder=points(3, width, 6, seed=width))) for width in (5, 2))
    joints = SampleRelationTerm(embedding='keypoint_tokens', angle=0)
    torch.testing.assert_close(joints(student, teacher, labels(torch.ones(3, 4))), 25 * distance_loss(
        student.keypoint_tokens.flatten(1)[None], teacher.keypoint_tokens.flatten(1)[None]))
    assert joints.student_fields == joints.teacher_fields == ('keypoint_tokens',)
    visual = SampleRelationTerm(embedding='visual_tokens')(student, teacher, labels(torch.ones(3, 4)))
    layer = SampleRelationTerm(student_layer='encoder', teacher_layer='encoder')
    assert layer.student_layers == ('encoder',) and layer.mismatch(student, teacher) is None
    torch.testing.assert_close(layer(student, teacher, labels(torch.ones(3, 4))), visual)


@on_device
def test_samples_are_related_by_their_poses() -> None:
    student, teacher, weights = points(4, 5, 2).requires_grad_(), points(4, 5, 2, seed=1), torch.ones(4, 5)
    weights[0, 1], weights[:, 4] = 0, 0.5
    term = SampleRelationTerm(embedding='coordinates', certainty='soft')
    found = term(PoseOutputs(coords=student), PoseOutputs(coords=teacher), labels(weights))
    one, other = ((weights[..., None] * (values - 0.5)).flatten(1)[None] for values in (student, teacher))
    torch.testing.assert_close(found, 25 * distance_loss(one, other) + 50 * angle_loss(one, other))
    found.backward()
    assert not student.grad[0, 1].any() and student.grad[0, 0].any()
    assert 'coordinates cannot be decoded' in term.mismatch(PoseOutputs(coords=student), PoseOutputs(features=()))
    simcc = PoseOutputs(simcc=(torch.rand(4, 5, 12), torch.rand(4, 5, 16)))
    reading = SampleRelationTerm(embedding='coordinates', student='simcc', beta=10.0)
    reading.prepare(simcc, simcc)
    assert (reading.student_fields, reading.teacher_fields) == (('simcc',), ('simcc',))
    assert torch.isfinite(reading(simcc, simcc, labels(weights)))


def test_refusals_of_samples() -> None:
    with pytest.raises(DistilPoseError, match="got embedding='coords'; expected one of"):
        SampleRelationTerm(embedding='coords')
    with pytest.raises(DistilPoseError, match='got distance=-1 and angle=50.0'):
        SampleRelationTerm(distance=-1)
    with pytest.raises(DistilPoseError, match="certainty='soft', and does not compare joint by joint"):
        SampleRelationTerm(certainty='soft')
    with pytest.raises(DistilPoseError, match=r"embedding='coordinates' and the names of layers \(None, neck\); drop"):
        SampleRelationTerm(embedding='coordinates', teacher_layer='neck')
