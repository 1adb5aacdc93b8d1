from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from distilpose.distillation.terms.bones import BoneVectorTerm, bone_angle_loss, bone_length_loss, bone_vectors
from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs
from tests.devices import on_device
from tests.distillation.labels import labels

from .test_relational import points, turned

BONES = [(0, 1), (1, 2), (2, 3)]


def loss(student: Tensor, teacher: Tensor, weights: Tensor | None = None, **options: float) -> Tensor:
    term = BoneVectorTerm(bones=BONES, **options)
    return term(PoseOutputs(coords=student), PoseOutputs(coords=teacher),
                labels(torch.ones(len(student), 4) if weights is None else weights))


@on_device
def test_a_bent_arm() -> None:
    """Bones of lengths 1, 1, 2 and three of 0.5; the second is bent by 90 degrees in one of them."""
    straight = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [4.0, 0.0]]])
    bent = torch.tensor([[[0.0, 0.0], [0.5, 0.0], [0.5, 0.5], [1.0, 0.5]]])
    lengths = (2 * 0.5 * (3 / 4 - 1) ** 2 + 0.5 * (6 / 4 - 1) ** 2) / 3
    angles = 4 * 0.5 / 9  # of the nine pairs, four are at right angles in one and not in the other
    assert loss(straight, bent, angle=0.0).item() == pytest.approx(lengths, rel=1e-5)
    assert loss(straight, bent, length=0.0).item() == pytest.approx(angles, rel=1e-5)
    assert loss(straight, bent, length=2.0).item() == pytest.approx(2 * lengths + angles, rel=1e-5)


@on_device
def test_identity_and_invariances() -> None:
    coords = points(3, 4, 2)
    assert loss(coords, coords).item() == 0
    assert loss(turned(coords), coords).item() < 1e-9
    assert loss(coords * torch.tensor([1.0, 2.0]), coords).item() > 1e-3


@on_device
def test_a_bone_has_the_weight_of_its_lighter_joint() -> None:
    student, teacher, weights = points(2, 4, 2).requires_grad_(), points(2, 4, 2, seed=1), torch.ones(2, 4)
    weights[0, 3], weights[1] = 0, 0.5
    loss(student, teacher, weights).backward()
    assert not student.grad[0, 3].any() and student.grad[0, 2].any()
    halves, ones = (loss(student[1:], teacher[1:], torch.full((1, 4), value), angle=0.0) for value in (0.5, 1.0))
    torch.testing.assert_close(halves, ones / 2)
    assert loss(student, teacher, torch.zeros(2, 4)).item() == 0


@on_device
def test_joints_that_coincide_have_finite_gradients() -> None:
    student = points(1, 4, 2)
    student[0, 1] = student[0, 0]
    student.requires_grad_()
    loss(student, points(1, 4, 2, seed=1)).backward()
    assert torch.isfinite(student.grad).all() and student.grad.any()
    nowhere = torch.zeros(1, 4, 2, requires_grad=True)
    loss(nowhere, points(1, 4, 2)).backward()
    assert torch.isfinite(nowhere.grad).all()


def test_gradients() -> None:
    student, teacher = points(2, 4, 2).double().requires_grad_(), points(2, 4, 2, seed=1).double()
    bones, weights = torch.tensor(BONES), points(2, 3, seed=2).double()
    for function in (bone_length_loss, bone_angle_loss):
        assert torch.autograd.gradcheck(
            lambda x, function=function: function(bone_vectors(x, bones), bone_vectors(teacher, bones),
                                                  weights=weights), student)


@on_device
def test_the_skeleton_of_a_set_of_keypoints() -> None:
    term = BoneVectorTerm(bones='coco', student='heatmaps')
    assert len(term.bones) == 19 and (5, 7) in term.bones.tolist() or [5, 7] in term.bones.tolist()
    maps = PoseOutputs(heatmaps=(torch.rand(1, 17, 8, 6),))
    assert term.mismatch(maps, maps) is None
    term.prepare(maps, maps)
    assert term.teacher_fields == ('heatmaps',)
    assert math.isfinite(term(maps, maps, labels(torch.ones(1, 17))).item())


@pytest.mark.parametrize('options, sentence', [
    (dict(bones=[]), 'got no bone among its bones'),
    (dict(bones=[(0, 1), (2, 2)]), r'got \(2, 2\) among its bones; expected pairs of two keypoint indices'),
    (dict(bones=[(0, 1, 2)]), 'among its bones'),
    (dict(bones=['nose']), 'among its bones'),
    (dict(bones='lsp'), "BoneVectorTerm.bones is 'lsp', which has no skeleton; write the bones as pairs of indices"),
    (dict(bones='cocoo'), 'did you mean'),
    (dict(bones=BONES, length=0, angle=0), 'got length=0 and angle=0'),
    (dict(bones=BONES, angle=float('inf')), 'angle is inf'),
    (dict(bones=BONES, student='tokens'), "BoneVectorTerm got student='tokens'")])
def test_refusals(options: dict, sentence: str) -> None:
    with pytest.raises(DistilPoseError, match=sentence):
        BoneVectorTerm(**options)


@on_device
def test_bones_of_other_keypoints_are_refused() -> None:
    few = PoseOutputs(coords=torch.rand(1, 3, 2))
    assert 'a bone ends at keypoint 3, and the student has the keypoints 0 to 2' in BoneVectorTerm(
        bones=BONES).mismatch(few, few)
    lacking = PoseOutputs(scores=torch.rand(1, 4, 1))
    assert 'coordinates cannot be decoded' in BoneVectorTerm(bones=BONES).mismatch(
        PoseOutputs(coords=torch.rand(1, 4, 2)), lacking)


def test_a_student_that_follows_it_gets_the_teachers_shape() -> None:
    """But neither its place nor its size nor its turn."""
    student, teacher = points(2, 4, 2).requires_grad_(), points(2, 4, 2, seed=1)
    optimizer = torch.optim.Adam([student], 0.02)
    for _ in range(500):
        optimizer.zero_grad()
        loss(student, teacher).backward()
        optimizer.step()
    relative = [vectors / vectors.norm(dim=-1).mean(1)[:, None, None]
                for vectors in (bone_vectors(points, torch.tensor(BONES)) for points in (student.detach(), teacher))]
    torch.testing.assert_close(*(vectors @ vectors.mT for vectors in relative), atol=0.02, rtol=0)
