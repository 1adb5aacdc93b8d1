"""What a teacher shows on a crop of its own comes back on the student's grid."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mmpose.structures import PoseDataSample
from torch import Tensor

from distilpose.distillation import PoseDistiller, Teacher
from distilpose.distillation.heatmap_grid import COMMON_GRID, HeatmapGrid, HeatmapGrids
from distilpose.distillation.own_crop import OwnCrop, TeacherCrops, choose_crop, refuse_unmapped
from distilpose.distillation.teachers import teacher_input
from distilpose.errors import DistilPoseError
from distilpose.structures import NetworkInput, PoseOutputs
from tests.devices import on_device
from tests.networks import ENCODER, INPUT_SIZE, STUDENT, TEACHER, TERMS, batch, changed, distiller, teacher

SQUARE = NetworkInput(size=(96, 96), mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375), rgb=True)
SCALES = torch.tensor([[1.5, 0.8], [1.0, 1.0], [0.5, 2.0]])
STEEP = torch.cat([SCALES.diag_embed(), torch.tensor([[-0.25, 0.1], [0.0, 0.0], [0.25, -0.5]])[..., None]], dim=-1)
"""Maps of three samples, which do not rotate."""
WITHIN = torch.tensor([[[0.4, 0.5]], [[0.3, 0.7]], [[0.6, 0.45]]])
"""Fractions of the teacher's crop that lie in the student's too."""


def own_crop(**shown: Any) -> OwnCrop:
    return OwnCrop(SQUARE, student=(48, 64), student_outputs=PoseOutputs(**shown))


def crops(maps: Tensor = STEEP, mask: Tensor | None = None) -> TeacherCrops:
    return TeacherCrops(torch.zeros(len(maps), 3, 96, 96, dtype=torch.uint8), maps, mask)


def brought(points: Tensor, maps: Tensor = STEEP) -> Tensor:
    return points @ maps[..., :2].mT + maps[:, None, :, 2]


def gaussians(points: Tensor, size: tuple[int, int], sigma: float | Tensor = 1.5) -> Tensor:
    """(B, K, 2) to (B, K, H, W), cell = fraction * size."""
    columns, rows = (torch.arange(count) for count in size)
    x, y = (points[..., axis, None, None] * size[axis] for axis in (0, 1))
    return torch.exp(-0.5 * (((columns - x) / sigma) ** 2 + ((rows[:, None] - y) / sigma) ** 2))


def centre(maps: Tensor) -> Tensor:
    """(B, K, H, W) to the mean place of the mass, as fractions (B, K, 2)."""
    height, width = maps.shape[-2:]
    mass = maps.sum((-2, -1))
    return torch.stack([(maps.sum(-2) * torch.arange(width)).sum(-1) / mass / width,
                        (maps.sum(-1) * torch.arange(height)).sum(-1) / mass / height], -1)


@pytest.mark.parametrize('shown', [dict(), dict(heatmaps=(torch.zeros(1, 1, 32, 24), ))])
def test_a_gaussian_comes_back_at_its_place(shown: dict) -> None:
    crop = own_crop(**shown)
    warped = crop.to_student(PoseOutputs(heatmaps=(gaussians(WITHIN, (64, 64), 2.0), )), crops()).heatmaps[-1]
    assert warped.shape[-2:] == ((32, 24) if shown else (64, 48))
    torch.testing.assert_close(centre(warped), brought(WITHIN), atol=0.12 / warped.shape[-1], rtol=0)  # of a cell
    assert warped.amax((-2, -1)).min() > 0.8


@on_device
def test_nothing_changes_where_both_crops_are_one() -> None:
    same = torch.eye(2, 3).expand(2, -1, -1)
    shown = PoseOutputs(heatmaps=(torch.rand(2, 5, 16, 12), ), coords=torch.rand(2, 5, 2), sigmas=torch.rand(2, 5, 2),
                        error_scales=torch.randn(2, 5, 2), scores=torch.rand(2, 5, 1),
                        simcc=(torch.randn(2, 5, 24), torch.randn(2, 5, 32)))
    crop = OwnCrop(NetworkInput(size=(48, 64)), student=(48, 64), student_outputs=shown)
    found = crop.to_student(shown, crops(same))
    for name in ('heatmaps', 'coords', 'sigmas', 'error_scales', 'scores', 'simcc'):
        torch.testing.assert_close(getattr(found, name), getattr(shown, name), rtol=1e-5, atol=1e-5)
    assert found.mask.all()


def test_coordinates_and_their_spreads_are_scaled_and_shifted() -> None:
    shown = PoseOutputs(coords=WITHIN, sigmas=torch.full((3, 1, 2), 2.0), error_scales=torch.full((3, 1, 2), -3.0))
    found = own_crop().to_student(shown, crops())
    torch.testing.assert_close(found.coords, brought(WITHIN))
    torch.testing.assert_close(found.sigmas, 2.0 * SCALES[:, None])
    torch.testing.assert_close(found.error_scales.sigmoid(), torch.tensor(-3.0).sigmoid() * SCALES[:, None])


def test_a_rotation_mixes_the_spreads_along_both_axes() -> None:
    """By 30 degrees, of a teacher's crop twice as wide as high, with spreads in cells, of which it has as many."""
    turn = torch.tensor(torch.pi / 6)
    pixels = torch.stack([torch.stack([turn.cos(), -turn.sin()]), torch.stack([turn.sin(), turn.cos()])])
    sides = torch.tensor([96.0, 48.0])
    maps = torch.cat([pixels * sides / sides[:, None], torch.zeros(2, 1)], dim=1)[None]
    crop = OwnCrop(replace(SQUARE, size=(96, 48)), student=(96, 48), student_outputs=PoseOutputs(), view='unaugmented')
    drawn = torch.randn(200_000, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([3.0, 1.0])
    found = crop.to_student(PoseOutputs(sigmas=torch.tensor([[[3.0, 1.0]]]),
                                        error_scales=torch.tensor([[[0.3, 0.1]]]).logit()), crops(maps))
    torch.testing.assert_close(found.sigmas[0, 0], (drawn @ pixels.T).std(0), rtol=1e-2, atol=0)
    expected = ((maps[0, :, :2] * torch.tensor([0.3, 0.1])) ** 2).sum(-1).sqrt()
    torch.testing.assert_close(found.error_scales[0, 0].sigmoid(), expected)


def test_an_unaugmented_view_has_no_simcc() -> None:
    logits = tuple(torch.randn(3, 2, 96) for _ in range(2))
    crop = OwnCrop(SQUARE, student=(48, 64), student_outputs=PoseOutputs(simcc=logits), view='unaugmented')
    assert crop.to_student(PoseOutputs(simcc=logits, coords=torch.full((3, 2, 2), 0.5)), crops()).produced() == (
        'coords', 'mask')
    with pytest.raises(DistilPoseError, match=r"term 'bins' reads simcc .*rotated.*heatmaps=dict\(.*view='clean'"):
        refuse_unmapped(dict(bins=SimpleNamespace(teacher_fields=('simcc',))), crop)
    with pytest.raises(DistilPoseError, match="term 'tokens' reads visual_tokens"):
        refuse_unmapped(dict(tokens=SimpleNamespace(teacher_fields=('visual_tokens',))), crop)


def test_joints_of_a_flipped_crop_are_exchanged() -> None:
    mirrored = torch.tensor([[-1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    maps = torch.stack([mirrored, torch.eye(2, 3)])
    order = torch.tensor([[1, 0, 2], [0, 1, 2]])
    points = torch.tensor([[0.2, 0.3], [0.7, 0.4], [0.5, 0.5]])
    shown = PoseOutputs(coords=points.expand(2, -1, -1), scores=torch.arange(3.0).expand(2, -1)[..., None],
                        heatmaps=(gaussians(points.expand(2, -1, -1), (48, 48)),))
    crop = OwnCrop(SQUARE, student=(96, 96), student_outputs=PoseOutputs(heatmaps=(torch.zeros(1, 1, 48, 48),)),
                   view='unaugmented')
    found = crop.to_student(shown, crops(maps)._replace(order=order))
    expected = torch.stack([torch.tensor([[0.3, 0.4], [0.8, 0.3], [0.5, 0.5]]), points])
    torch.testing.assert_close(found.coords, expected)
    torch.testing.assert_close(centre(found.heatmaps[-1]), expected, atol=1e-3, rtol=0)
    assert found.scores[..., 0].tolist() == [[1, 0, 2], [0, 1, 2]]


def test_bins_are_moved() -> None:
    """A gaussian in the logits' exponent, 192 bins for the teacher and 96 x 128 for the student."""
    own = [torch.arange(192) / 192 - WITHIN[..., axis, None] for axis in (0, 1)]
    shown = PoseOutputs(simcc=tuple(-0.5 * (distance / 0.04) ** 2 for distance in own))
    crop = own_crop(simcc=(torch.zeros(1, 1, 96), torch.zeros(1, 1, 128)))
    found = crop.to_student(shown, crops()).simcc
    for axis, bins in enumerate((96, 128)):
        assert found[axis].shape == (3, 1, bins)
        mean = (found[axis].softmax(-1) * torch.arange(bins) / bins).sum(-1)
        torch.testing.assert_close(mean, brought(WITHIN)[..., axis], atol=6e-3, rtol=0)
        spread = ((found[axis].softmax(-1) * (torch.arange(bins) / bins - mean[..., None]) ** 2).sum(-1)).sqrt()
        torch.testing.assert_close(spread, 0.04 * SCALES[:, axis, None], atol=6e-3, rtol=0)


@pytest.mark.parametrize('asked', [COMMON_GRID, HeatmapGrid('udp', (96, 96))])
def test_a_gaussian_comes_to_the_grid_of_a_udp_student(asked: HeatmapGrid) -> None:
    student = HeatmapGrid('udp', (48, 64))
    crop = OwnCrop(SQUARE, student=(48, 64), student_outputs=PoseOutputs(heatmaps=(torch.zeros(1, 1, 32, 24),)),
                   grids=HeatmapGrids(student, asked, asked))
    assert crop.grids.target == student
    drawn = gaussians(WITHIN * torch.tensor(asked.reach((64, 64))) / 64, (64, 64), 2.0)
    warped = crop.to_student(PoseOutputs(heatmaps=(drawn,)), crops()).heatmaps[-1]
    expected = brought(WITHIN) * torch.tensor(student.reach((24, 32))) / torch.tensor([24.0, 32.0])
    torch.testing.assert_close(centre(warped), expected, atol=2e-3, rtol=0)
    assert (centre(warped) - brought(WITHIN)).abs().max() > 0.01  # what would be wrong on the common grid


@on_device
def test_beyond_the_teachers_crop_there_is_nothing() -> None:
    """The student sees twice as much."""
    half = torch.tensor([[[0.5, 0.0, 0.25], [0.0, 0.5, 0.25]]])
    shown = PoseOutputs(heatmaps=(torch.ones(1, 1, 64, 64), ), simcc=(torch.rand(1, 1, 64) + 1, ) * 2)
    found = own_crop().to_student(shown, crops(half))
    maps, logits = found.heatmaps[-1][0, 0], found.simcc[0][0, 0]
    assert maps[16:48, 12:36].eq(1).all() and maps.sum() == maps[16:48, 12:36].sum()
    lowest = shown.simcc[0].min()
    assert logits[:16].eq(lowest).all() and logits[48:].eq(lowest).all() and logits[17:47].max() > lowest


@on_device
@pytest.mark.parametrize('field', ['heatmaps', 'coords', 'simcc'])
def test_a_joint_outside_of_the_students_crop_is_masked(field: str) -> None:
    points = torch.tensor([[[0.5, 0.5], [0.03, 0.5], [0.5, 0.9], [0.95, 0.5]]])
    maps = torch.tensor([[[1.5, 0.0, -0.25], [0.0, 1.5, -0.25]]])
    bins = tuple(-(torch.arange(96) / 96 - points[..., axis, None]).abs() for axis in (0, 1))
    shown = dict(heatmaps=(gaussians(points, (48, 48)), ), coords=points, simcc=bins)
    found = own_crop().to_student(PoseOutputs(**{field: shown[field]}), crops(maps))
    assert found.mask.tolist() == [[1, 0, 0, 0]]


def test_a_heatmap_without_a_peak_teaches_as_it_does_on_the_students_crop() -> None:
    """It puts the joint nowhere, which is not outside."""
    found = own_crop().to_student(PoseOutputs(heatmaps=(-torch.rand(3, 2, 24, 24), )), crops())
    assert found.mask.all()


def test_masks_of_the_teacher_and_the_annotations_hold_too() -> None:
    shown = PoseOutputs(coords=torch.full((3, 3, 2), 0.5), mask=torch.tensor([[1.0, 1.0, 0.0]]).expand(3, -1))
    found = own_crop().to_student(shown, crops(mask=torch.tensor([[0.0, 1.0, 1.0]]).expand(3, -1)))
    assert found.mask.tolist() == [[0, 1, 0]] * 3


@on_device
def test_features_and_tokens_are_dropped() -> None:
    shown = PoseOutputs(scores=torch.rand(3, 5, 1), features=(torch.rand(3, 4, 8, 8), ),
                        keypoint_tokens=torch.rand(3, 5, 8), visual_tokens=torch.rand(3, 6, 8))
    assert own_crop().to_student(shown, crops()).produced() == ('scores', )


@pytest.mark.parametrize(('student', 'own', 'expected'), [
    ((192, 256), (192, 256), 'student'), ((192, 256), (256, 256), 'own'), ((96, 128), (192, 256), 'student'),
    ((48, 64), (192, 256), 'own'), ((288, 384), (192, 256), 'student'), (None, (192, 256), 'student'),
    ((192, 256), None, 'student')])
def test_the_default(student: tuple | None, own: tuple | None, expected: str) -> None:
    sizes = dict(student=student, teacher=own)
    assert choose_crop({}, **sizes).is_own == (expected == 'own')
    assert choose_crop(dict(crop='own'), **sizes).is_own and not choose_crop(dict(crop='student'), **sizes).is_own
    assert all(choose_crop(dict(view=view), **sizes).is_own for view in ('clean', 'unaugmented'))


@pytest.mark.parametrize(('options', 'sentence'), [
    (dict(crop='both'), "model.teacher.crop is 'both'; expected one of student, own"),
    (dict(view='dirty'), "model.teacher.view is 'dirty'; expected one of same, clean"),
    (dict(crop='student', view='unaugmented'), "view is 'unaugmented' and model.teacher.crop is 'student'.*crop='own'"),
    (dict(crop='student', view='clean'), "view is 'clean' and model.teacher.crop is 'student'.*crop='own'"),
    (dict(padding='wide'), "model.teacher.padding is 'wide'; expected a factor"),
    (dict(padding=-1.0), 'model.teacher.padding is -1.0')])
def test_an_unknown_choice_is_refused(options: dict, sentence: str) -> None:
    with pytest.raises(DistilPoseError, match=sentence):
        choose_crop(options, student=None, teacher=None)


MAP_TERMS = dict(simulated_heatmap=TERMS['simulated_heatmap'], score=TERMS['score'])


def with_crops(images: Tensor, samples: list[PoseDataSample]) -> list[PoseDataSample]:
    """Samples with the student's own crop for the teacher, of 8 bits."""
    for image, sample in zip(images, samples, strict=True):
        sample.teacher_image, sample.teacher_map = image, np.eye(2, 3, dtype=np.float32)
        sample.teacher_mask = np.ones(17, np.float32)
    return samples


def own(model_config: dict | None = None, *, terms: dict = MAP_TERMS, **options: Any) -> PoseDistiller:
    """A distiller whose teacher has a crop of its own."""
    weights = options.pop('weights')
    frozen = teacher(model_config)
    torch.save(frozen.model.state_dict(), weights)
    spec = dict(config=copy.deepcopy(model_config or TEACHER), checkpoint=str(weights), crop='own', **options)
    return distiller(teacher=spec, terms=terms)


def test_the_losses_are_those_of_the_students_crop_where_both_are_one(tmp_path: Path) -> None:
    model, plain = own(weights=tmp_path / 'teacher.pth'), distiller(terms=MAP_TERMS)
    pixels = torch.randint(0, 256, (4, 3, 64, 48), dtype=torch.uint8)
    samples = with_crops(pixels, batch()[1])
    data = plain.data_preprocessor(dict(inputs=list(pixels), data_samples=samples), True)
    found, expected = model(**data, mode='loss'), plain(**data, mode='loss')
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(torch.as_tensor(found[name]), torch.as_tensor(value), rtol=1e-5, atol=1e-5)


def test_samples_without_a_crop_are_refused(tmp_path: Path) -> None:
    model = own(weights=tmp_path / 'teacher.pth')
    with pytest.raises(DistilPoseError, match='crop of its own.*the samples hold none.*with_teacher_crop'):
        model(*batch(), mode='loss')
    with pytest.raises(DistilPoseError, match='the samples hold none'):
        model.run_teacher(batch()[0], [])


def test_crops_of_another_size_are_refused(tmp_path: Path) -> None:
    model = own(weights=tmp_path / 'teacher.pth')
    images, samples = batch()
    with_crops(torch.zeros(4, 3, 32, 32, dtype=torch.uint8), samples)
    with pytest.raises(DistilPoseError, match=r'crops for the teacher are of 32x32 .* its input is of 48x64'):
        model(images, samples, mode='loss')


def test_terms_of_tokens_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match="term 'keypoint_tokens' reads keypoint_tokens.*crop='student'"):
        own(weights=tmp_path / 'teacher.pth', terms=dict(keypoint_tokens=TERMS['keypoint_tokens']))


@on_device
def test_a_shared_backbone_is_refused() -> None:
    config = changed(TEACHER, decoder=dict(TEACHER['head']['decoder'], input_size=(64, 64)))
    with pytest.raises(DistilPoseError, match='share_backbone gives the teacher the student'):
        distiller(teacher=teacher(config), terms={}, share_backbone=True)


def test_augmentation_of_batches_is_refused(tmp_path: Path) -> None:
    student = copy.deepcopy(STUDENT)
    student['data_preprocessor']['batch_augments'] = [dict(type='BatchSyncRandomResize', random_size_range=(32, 64))]
    torch.save(teacher().model.state_dict(), tmp_path / 'teacher.pth')
    spec = dict(config=copy.deepcopy(TEACHER), checkpoint=str(tmp_path / 'teacher.pth'), crop='own')
    with pytest.raises(DistilPoseError, match='data_preprocessor.batch_augments'):
        distiller(student, teacher=spec, terms=MAP_TERMS)


def test_a_square_teacher_teaches_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []
    monkeypatch.setattr('distilpose.distillation.paired_teacher.print_log', lambda text, *_: logged.append(text))
    config = changed(TEACHER, heatmap_size=(16, 16), encoder=dict(ENCODER, feature_size=(16, 16), patch_size=(4, 4)),
                     decoder=dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=1))
    model = distiller(teacher=teacher(config), terms=MAP_TERMS)
    images, samples = batch()
    with_crops(torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8), samples)
    assert model(images, samples, mode='loss')['loss_simulated_heatmap'] > 0
    assert model.run_teacher(images, samples).heatmaps[-1].shape == (4, 17, 16, 12)
    assert len(logged) == 1 and '48x64 for the student and 64x64 for the teacher' in logged[0]


@on_device
def test_the_input_of_a_config_is_that_of_the_built_teacher() -> None:
    frozen = teacher()
    found = teacher_input(dict(config=TEACHER, checkpoint='none.pth', crop='own', view='same'))
    assert found.mean == pytest.approx(frozen.input.mean) and found.std == pytest.approx(frozen.input.std)
    assert replace(found, mean=None, std=None) == replace(frozen.input, mean=None, std=None)
    assert found.size == INPUT_SIZE and found.rgb
    assert teacher_input(dict(config=TEACHER, padding=1.1)).padding == 1.1


def test_a_config_says_its_padding_and_udp() -> None:
    path = 'configs/body/2d_kpt_sview_rgb_img/distilpose/coco'
    config = next(str(file) for file in sorted(Path(path).glob('*.py')))
    found = teacher_input(dict(config=config))
    assert found.padding == 1.25 and found.size is not None and not found.udp


@pytest.mark.parametrize('kind', ['UDPHeatmap', 'mmpose.UDPHeatmap'])
def test_a_decoder_says_udp(kind: str) -> None:
    codec = dict(type=kind, input_size=INPUT_SIZE, heatmap_size=(12, 16), sigma=1)
    assert teacher_input(dict(config=changed(TEACHER, decoder=codec))).udp


class Registered(Teacher):
    """Says its input before it is built."""

    def __init__(self, side: tuple[int, int]) -> None:
        self.side = side

    @classmethod
    def read_input(cls, spec: dict) -> NetworkInput:
        return NetworkInput(size=spec['side'])


def test_a_registered_teacher_is_asked() -> None:
    assert teacher_input(dict(type=Registered, side=(256, 256), padding=1.0)) == NetworkInput((256, 256), padding=1.0)


def test_the_student_is_the_plain_one(tmp_path: Path) -> None:
    model = own(weights=tmp_path / 'teacher.pth')
    assert list(model.state_dict()) == list(distiller(copy.deepcopy(STUDENT), terms={}).state_dict())
