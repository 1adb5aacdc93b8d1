"""A teacher's outputs for the keypoints of a student."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from distilpose.distillation.teachers.keypoint_map import KeypointMap
from distilpose.distillation.teachers.keypoint_names import read_definition
from distilpose.distillation.teachers.keypoints import build_keypoint_map
from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs
from tests.devices import on_device

COCO, MPII, LSP, WHOLE, HALPE = (read_definition(name, entry='').names for name in (
    'coco', 'mpii', 'lsp', 'wholebody', 'halpe26'))
TABLE = dict(left_hip='left_hip', right_hip='right_hip', pelvis=('left_hip', 'right_hip'),
             thorax=('left_shoulder', 'right_shoulder'))


def build(option: Any, student: Any = MPII, teacher: Any = COCO, *, count: int = 16, **options: Any) -> KeypointMap:
    found = build_keypoint_map(option, student_names=student, student_count=lambda: count, teacher_names=teacher,
                               **options)
    assert found is not None
    return found


def outputs(keypoints: int = 17, *, seed: int = 0) -> PoseOutputs:
    generator = torch.Generator().manual_seed(seed)

    def rand(*shape: int) -> Tensor:
        return torch.rand(2, keypoints, *shape, generator=generator)
    return PoseOutputs(heatmaps=(rand(8, 6), rand(8, 6)), coords=rand(2), sigmas=rand(2), error_scales=rand(2) - 0.5,
                       scores=rand(1), simcc=(rand(12), rand(16)), keypoint_tokens=rand(4), visual_tokens=rand(3),
                       features=(rand(2, 2),))


def tensors(found: PoseOutputs) -> dict[str, Tensor]:
    values = {name: getattr(found, name) for name in found.produced() if name != 'features'}
    return {f'{name}{index}': tensor for name, value in values.items()
            for index, tensor in enumerate(value if isinstance(value, tuple) else (value,))}


def permuted(found: PoseOutputs, order: Tensor) -> PoseOutputs:
    values = {name: getattr(found, name) for name in found.produced()}
    kept = ('visual_tokens', 'features')
    return PoseOutputs(**{name: value if name in kept else tuple(item[:, order] for item in value)
                          if isinstance(value, tuple) else value[:, order] for name, value in values.items()})


def mirrored(found: PoseOutputs, pairs: tuple[int, ...]) -> PoseOutputs:
    """The outputs of the mirrored image, where a place x becomes 1 - x; grids are those of cell centres here."""
    swapped = permuted(found, torch.tensor(pairs))
    assert swapped.heatmaps is not None and swapped.simcc is not None and swapped.coords is not None
    flipped = torch.stack((1 - swapped.coords[..., 0], swapped.coords[..., 1]), dim=-1)
    return swapped._replace(heatmaps=tuple(maps.flip(-1) for maps in swapped.heatmaps), coords=flipped,
                            simcc=(swapped.simcc[0].flip(-1), swapped.simcc[1]))


@on_device
@pytest.mark.parametrize('student, teacher, matched', [
    (LSP, COCO, 12), (MPII, COCO, 12), (COCO, WHOLE, 17), (HALPE, WHOLE, 23), (WHOLE, COCO, 17), (MPII, HALPE, 14)])
def test_matching_by_name_is_gathering(student: tuple, teacher: tuple, matched: int) -> None:
    found, given = build('auto', student, teacher), outputs(len(teacher))
    mapped = found(given)
    pairs = [(place, partner[0]) for place, partner in enumerate(found.partners) if partner]
    assert len(pairs) == matched
    for place, partner in pairs:
        assert torch.equal(mapped.heatmaps[-1][:, place], given.heatmaps[-1][:, partner])
        assert torch.equal(mapped.coords[:, place], given.coords[:, partner])
        assert torch.equal(mapped.simcc[0][:, place], given.simcc[0][:, partner])
    if matched == len(student):
        assert mapped.mask is None and mapped.keypoint_tokens.shape[1] == len(student)
    else:
        assert mapped.keypoint_tokens is None
        assert mapped.mask[0].nonzero().flatten().tolist() == [place for place, _ in pairs]
    assert all(torch.isfinite(value).all() for value in tensors(mapped).values())
    assert mapped.visual_tokens is given.visual_tokens and mapped.features is given.features


@on_device
def test_keypoints_without_a_partner_hide_what_the_teacher_shows() -> None:
    given = outputs()
    broken = given._replace(coords=given.coords.clone())
    broken.coords[:, 0] = float('nan')  # the place that is gathered for want of another
    mapped = build({'left_hip': 'left_hip'})(broken)
    assert torch.isfinite(mapped.coords).all() and mapped.mask.sum() == 2


@on_device
def test_permuting_the_teacher_changes_nothing() -> None:
    order = torch.randperm(17, generator=torch.Generator().manual_seed(3))
    names = tuple(COCO[index] for index in order)
    given = outputs()
    expected, found = build(TABLE)(given), build(TABLE, teacher=names)(permuted(given, order))
    assert tensors(expected).keys() == tensors(found).keys()
    for name, value in tensors(expected).items():
        assert torch.equal(value, tensors(found)[name]), name


@on_device
def test_mapping_the_mirror_image_is_mirroring_the_map() -> None:
    coco, mpii = (read_definition(name, entry='').mirrored for name in ('coco', 'mpii'))
    given, found = outputs(), build(TABLE)
    expected, mapped = mirrored(found(given), mpii), found(mirrored(given, coco))
    taught = expected.mask.bool()
    assert torch.equal(expected.mask, mapped.mask) and taught.sum() == 2 * 4
    for name, value in tensors(expected).items():
        torch.testing.assert_close(value[taught] if 'visual' not in name else value,
                                   tensors(mapped)[name][taught] if 'visual' not in name else tensors(mapped)[name])


def profile(places: Tensor, count: int, sigma: float) -> Tensor:
    """(B, K) places on a grid of that many cells to gaussians (B, K, count) of peak 1."""
    return torch.exp(-0.5 * ((torch.arange(count) - places.unsqueeze(-1)) / sigma) ** 2)


@pytest.mark.parametrize('sigma', [0.8, 1.4, 2.0, 3.0])
def test_the_middle_of_two_gaussians_is_the_gaussian_at_their_middle(sigma: float) -> None:
    places, heights = torch.tensor([[[15.3, 25.9], [32.0, 35.2]]]), torch.tensor([[0.9, 0.4]])

    def draw(at: Tensor) -> Tensor:
        return profile(at[..., 1], 64, sigma).unsqueeze(-1) * profile(at[..., 0], 48, sigma).unsqueeze(-2)
    given = draw(places) * heights[..., None, None]
    mapped = KeypointMap([(0, 1)])(PoseOutputs(heatmaps=(given,))).heatmaps[0]
    peak = mapped.amax() / draw(places.mean(1, keepdim=True)).amax()
    assert peak == pytest.approx(0.6, rel=0.15 if sigma < 1 else 0.05)  # cells miss the tops of either
    torch.testing.assert_close(mapped / mapped.amax(), draw(places.mean(1, keepdim=True)) / draw(
        places.mean(1, keepdim=True)).amax(), atol=3e-3, rtol=0)


@on_device
@pytest.mark.parametrize('beta', [1.0, 10.0])
def test_the_middle_of_two_distributions_is_as_wide_as_either(beta: float) -> None:
    places = torch.tensor([[120.6, 261.3]])
    simcc = tuple(profile(places * count / 384, count, 6.0).clamp(min=1e-12).log() / beta for count in (384, 512))
    mapped = KeypointMap([(0, 1)], simcc_beta=beta)(PoseOutputs(simcc=simcc)).simcc
    for logits in mapped:
        wanted = profile(places.mean(1, keepdim=True) * logits.shape[-1] / 384, logits.shape[-1], 6.0)
        torch.testing.assert_close((logits * beta).softmax(-1), wanted / wanted.sum(-1, keepdim=True), atol=1e-5,
                                   rtol=0)


def test_the_middle_of_an_undecided_joint_stays_undecided() -> None:
    one = torch.zeros(1, 2, 32, 32)
    one[0, 0, 8, 8] = one[0, 0, 8, 24] = one[0, 1, 24, 16] = 1
    maps = KeypointMap([(0, 1)])(PoseOutputs(heatmaps=(one,))).heatmaps[0]
    assert maps[0, 0, 16, 12] == pytest.approx(maps[0, 0, 16, 20].item()) and maps[0, 0, 16, 12] > 0.5
    maps[0, 0, 16, 12] = maps[0, 0, 16, 20] = 0
    assert maps.abs().max() < 1e-4


@on_device
def test_means_of_numbers() -> None:
    given = outputs()
    mapped = build(dict(pelvis=('left_hip', 'right_hip')))(given)
    left, right = COCO.index('left_hip'), COCO.index('right_hip')
    for name in ('coords', 'sigmas'):
        value = getattr(given, name)
        torch.testing.assert_close(getattr(mapped, name)[:, 6], (value[:, left] + value[:, right]) / 2)
    scales = given.error_scales.sigmoid()
    torch.testing.assert_close(mapped.error_scales.sigmoid()[:, 6], (scales[:, left] + scales[:, right]) / 2)
    torch.testing.assert_close(mapped.scores[:, 6], (given.scores[:, left] * given.scores[:, right]).sqrt())


@on_device
def test_what_the_teacher_says_nothing_of_is_in_no_mean() -> None:
    mask = torch.ones(2, 17)
    mask[0, COCO.index('left_hip')] = 0
    mapped = build(TABLE)(outputs()._replace(mask=mask))
    places = [MPII.index(name) for name in ('left_hip', 'right_hip', 'pelvis', 'thorax')]
    assert mapped.mask[:, places].tolist() == [[0, 1, 0, 1], [1, 1, 1, 1]] and mapped.mask.sum() == 6


@on_device
def test_the_same_keypoints_pass_untouched() -> None:
    given = outputs()
    assert build('auto', COCO)(given) is given and build('coco', COCO, None)(given) is given


def test_the_map_has_no_state_and_moves_with_its_owner() -> None:
    found = build(TABLE)
    assert not found.state_dict() and not list(found.parameters())
    assert all(buffer.device.type == 'meta' for buffer in found.to('meta').buffers())


@on_device
def test_indices_and_definitions_of_teachers_without_names() -> None:
    by_index = build({6: (11, 12), '2': 12}, None, None, count=16)
    by_name = build(dict(pelvis=('left_hip', 'right_hip'), right_hip='right_hip'))
    assert by_index.partners == by_name.partners and len(by_index.partners) == 16
    assert build('coco', MPII, None).partners == build('auto').partners == build(list(COCO), MPII, None).partners
    assert build(dict(definition='coco', table=TABLE), MPII, None).partners == build(TABLE).partners
    assert build(dict(from_file='configs/_base_/datasets/coco.py'), MPII, None).partners == build('auto').partners


@on_device
def test_the_log_lists_them() -> None:
    assert build(dict(TABLE, head_top='nose')).describe() == (
        'The teacher supervises 5 of 16 keypoints; by the same name: right_hip, left_hip; pelvis by the mean of '
        'left_hip and right_hip; thorax by the mean of left_shoulder and right_shoulder; head_top by nose. '
        'Without a partner, and not supervised: right_ankle, right_knee, left_knee, left_ankle, upper_neck, '
        'right_wrist, right_elbow, right_shoulder, left_shoulder, left_elbow, left_wrist.')


@pytest.mark.parametrize('option, sentence', [
    (3, "model.teacher.keypoints is 3; expected 'auto', a table"),
    ({}, 'is a table without any keypoint'),
    (dict(pelvis=None), 'is a table without any keypoint'),
    (dict(left_hipp='left_hip'), "'left_hipp', which is no keypoint of the student; did you mean 'left_hip'"),
    (dict(left_hip='left_hi'), "'left_hi', which is no keypoint of the teacher; did you mean 'left_hip'"),
    ({16: 0}, 'names keypoint 16 of the student, which has 16: expected indices from 0 to 15'),
    ({0: -1}, 'names keypoint -1 of the teacher'),
    ({0: 1.5}, 'has 1.5 for a keypoint of the teacher; expected a name or an index'),
    (dict(pelvis=('left_hip',)), "maps 'pelvis' to ('left_hip',); expected one keypoint of the teacher, or two"),
    (dict(pelvis=('left_hip', 'left_hip')), "'pelvis' to the mean of 'left_hip' and itself"),
    ({'pelvis': 'nose', 6: 'nose'}, "two entries for keypoint 'pelvis'"),
    (dict(thorax='nose', head_top='nose'), "maps both 'thorax' and 'head_top' to 'nose'"),
    (dict(left_hip='right_hip'), "'left_hip' to 'right_hip', which is on the other side"),
    (dict(pelvis='left_hip'), "'pelvis' to 'left_hip', which a mirror exchanges for 'right_hip'; expected a joint in"),
    (dict(left_hip='left_hip', right_hip='right_knee'), "and 'left_hip', on the other side, to 'left_hip'"),
])
def test_refusals(option: Any, sentence: str) -> None:
    with pytest.raises(DistilPoseError) as error:
        build(option)
    assert sentence in str(error.value), error.value


def test_refusals_without_names() -> None:
    with pytest.raises(DistilPoseError, match='the student does not name its keypoints; set model.student.metainfo'):
        build('auto', None)
    with pytest.raises(DistilPoseError, match='teacher does not name its keypoints; name its definition instead'):
        build('auto', teacher=None)
    with pytest.raises(DistilPoseError, match="'left_hip' of the teacher, which does not name its keypoints; write"):
        build(dict(left_hip='left_hip'), teacher=None)
    with pytest.raises(DistilPoseError, match="keypoints.table is 'nose'; expected {student: teacher}"):
        build(dict(definition='coco', table='nose'))
    with pytest.raises(DistilPoseError, match='no keypoint of the student .* is one of the teacher'):
        build(['tail', 'paw'])


@on_device
def test_a_teacher_with_another_number_of_keypoints() -> None:
    with pytest.raises(DistilPoseError, match='for a teacher of 17 keypoints, and this one predicts 14'):
        build('auto').check_count(14)
    with pytest.raises(DistilPoseError, match='names keypoint 12 of the teacher, which has 12: expected .* 0 to 11'):
        build({6: (10, 12)}, teacher=None).check_count(12)
