"""A teacher's unaugmented crop is that of the person's box, and its map follows the augmentation of the student's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from distilpose.config import CropSpec, with_teacher_crop, with_teacher_crops, without_teacher_crop
from distilpose.config.teacher_crop import padding_of, with_crop_of
from distilpose.distillation.heatmap_grid import COMMON_GRID, HeatmapGrid, HeatmapGrids
from distilpose.distillation.own_crop import OwnCrop
from distilpose.distillation.teachers.decoding import coordinates_of
from distilpose.errors import DistilPoseError
from distilpose.structures import NetworkInput, PoseOutputs

from .test_teacher_crop import PIXELS, SIZE, assert_equal_students, image, person, pipeline, samples  # noqa: F401

TEACHER = NetworkInput(size=(96, 96), padding=1.1)
UNAUGMENTED = 'unaugmented'
SWAPPED = [1, 0, *range(2, 17)]
"""Partners in a flip: the first two joints are exchanged."""


@pytest.fixture(autouse=True)
def _flips(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = person
    monkeypatch.setattr(f'{person.__module__}.person', lambda path: dict(plain(path), flip_indices=SWAPPED))


def drawn(image: str, *behind: dict, teacher: NetworkInput = TEACHER, view: str = UNAUGMENTED, count: int = 8,  # noqa: F811
          flip: str = 'horizontal', **options: Any) -> list[Any]:
    """Data samples of a pipeline."""
    steps = pipeline(*behind, **options)
    flips = [place for place, step in enumerate(steps) if step['type'] == 'RandomFlip']
    steps[flips[0]] = dict(type='RandomFlip', direction=flip)
    return [one['data_samples'] for one in samples(with_teacher_crop(steps, teacher, view=view), image, count=count)]


def own_points(image: str, teacher: NetworkInput) -> np.ndarray:  # noqa: F811
    """(17, 2) keypoints as fractions of the teacher's crop."""
    box = person(image)['bbox'][0].astype(float)
    side = (box[2:] - box[:2]).max() * (teacher.padding or 1.25)
    size = np.array(teacher.size)
    share = (size - 1) / size if teacher.udp else 1.0
    return ((person(image)['keypoints'][0] - (box[:2] + box[2:]) / 2) / side + 0.5) * share


@pytest.mark.parametrize('behind', [[], PIXELS], ids=['plain', 'pixels'])
def test_the_students_samples_are_those_without_a_teacher(image: str, behind: list[dict]) -> None:  # noqa: F811
    plain = pipeline(*behind, before=(dict(type='YOLOXHSVRandomAug'),))
    assert_equal_students(samples(with_teacher_crop(plain, TEACHER, view=UNAUGMENTED), image), samples(plain, image))


@pytest.mark.parametrize('flip', ['horizontal', 'vertical', 'diagonal'])
def test_the_crop_is_the_same_whatever_is_drawn(image: str, flip: str) -> None:  # noqa: F811
    """To the bit: with colour before and behind, flipped and rotated, decoded at once or at the crop."""
    expected = drawn(image, count=1)[0].teacher_image
    lazy = dict(load='LoadEncodedImage', crop='DecodingTopdownAffine')
    for found in (drawn(image, flip=flip), drawn(image, *PIXELS, before=(dict(type='YOLOXHSVRandomAug'),), flip=flip),
                  drawn(image, flip=flip, **lazy), drawn(image, flip=flip, reduced=True, **lazy)):
        assert {bool(sample.flip) for sample in found} == {True, False}
        assert all(torch.equal(sample.teacher_image, expected) for sample in found)


@pytest.mark.parametrize('student_udp', [False, True])
@pytest.mark.parametrize('teacher_udp', [False, True])
@pytest.mark.parametrize('flip', ['horizontal', 'vertical', 'diagonal'])
def test_the_map_takes_keypoints_to_those_of_the_students_crop(image: str, student_udp: bool,  # noqa: F811
                                                               teacher_udp: bool, flip: str) -> None:
    teacher = NetworkInput(size=(96, 96), padding=1.1, udp=teacher_udp)
    found, own = drawn(image, teacher=teacher, use_udp=student_udp, flip=flip), own_points(image, teacher)
    assert {bool(sample.flip) for sample in found} == {True, False}
    for sample in found:
        exchanged = bool(sample.flip) and flip != 'diagonal'  # as mmpose exchanges joints
        joints = sample.get('teacher_order') if exchanged else np.arange(17)
        brought = own[joints] @ sample.teacher_map[:, :2].T + sample.teacher_map[:, 2]
        points = sample.gt_instances.transformed_keypoints[0] / SIZE
        np.testing.assert_allclose(brought, points, atol=2e-4)
        assert ('teacher_order' in sample) == exchanged


@pytest.mark.parametrize('udp', [False, True])
def test_pixels_brought_to_the_students_grid_are_the_students(image: str, udp: bool) -> None:  # noqa: F811
    teacher = NetworkInput(size=(192, 192), padding=1.6, udp=udp)
    crop = OwnCrop(teacher, student=SIZE, student_outputs=PoseOutputs(heatmaps=(torch.zeros(1, 3, *SIZE[::-1]),)),
                   view=UNAUGMENTED)
    steps = with_teacher_crop(pipeline(use_udp=udp), teacher, view=UNAUGMENTED)
    for one in samples(steps, image):
        crops = crop.read([one['data_samples']], torch.device('cpu'))._replace(mask=None, order=None)
        warped = crop.to_student(PoseOutputs(heatmaps=(crops.images.float(),)), crops).heatmaps[-1][0]
        seen = (warped > 0).all(0)
        assert seen.float().mean() > 0.5
        assert (warped - one['inputs'].float())[:, seen].abs().mean() < 2.5


GRIDS = [COMMON_GRID, HeatmapGrid('centers'), HeatmapGrid('udp', (96, 96))]


@pytest.mark.parametrize('own', GRIDS, ids=lambda grid: grid.kind)
@pytest.mark.parametrize('student', [COMMON_GRID, HeatmapGrid('udp', SIZE)], ids=lambda grid: grid.kind)
def test_joints_of_drawn_heatmaps_are_decoded_where_the_labels_are(image: str, own: HeatmapGrid,  # noqa: F811
                                                                   student: HeatmapGrid) -> None:
    """Within half a cell of the student's, rotated, scaled, shifted and flipped, with exchanged joints."""
    cells = (24, 32)
    crop = OwnCrop(TEACHER, student=SIZE, student_outputs=PoseOutputs(heatmaps=(torch.zeros(1, 1, *cells[::-1]),)),
                   grids=HeatmapGrids(student, own, own), view=UNAUGMENTED)
    places = own_points(image, TEACHER) * np.array(own.reach((48, 48))) + own.start
    columns = torch.arange(48)
    x, y = (torch.as_tensor(places[:, axis, None, None]) for axis in (0, 1))
    maps = torch.exp(-((columns - x) ** 2 + (columns[:, None] - y) ** 2) / 32).float()
    found = drawn(image, flip='horizontal')
    outputs = crop.to_student(PoseOutputs(heatmaps=(maps.expand(len(found), -1, -1, -1),)),
                              crop.read_places(found, torch.device('cpu')))
    decoded = coordinates_of(outputs, grid=student)
    labels = torch.as_tensor(np.stack([sample.gt_instances.transformed_keypoints[0] for sample in found])) / (
        torch.tensor(SIZE))
    inner = outputs.mask.bool() & ((labels > 0.05) & (labels < 0.95)).all(-1)
    assert inner.float().mean() > 0.5 and {bool(sample.flip) for sample in found} == {True, False}
    off = ((decoded - labels) * torch.tensor(cells)).abs()[inner]
    assert off.max() < 0.5 and off.mean() < 0.1
    assert outputs.heatmaps[-1].amax((-2, -1))[inner].min() > 0.85
    crossed = ((decoded.flip(0) - labels) * torch.tensor(cells)).abs()[inner]
    assert crossed.max() > 2  # samples differ


def test_without_augmentation_it_is_the_clean_view(image: str) -> None:  # noqa: F811
    steps = [step for step in pipeline() if not step['type'].startswith('Random')]
    crop = OwnCrop(TEACHER, student=SIZE, student_outputs=PoseOutputs(heatmaps=(torch.zeros(1, 3, 32, 24),)))
    found = []
    for view in ('clean', UNAUGMENTED):
        one = samples(with_teacher_crop(steps, TEACHER, view=view), image, count=1)[0]['data_samples']
        crops = crop.read([one], torch.device('cpu'))._replace(mask=None)
        found.append((crops, crop.to_student(PoseOutputs(heatmaps=(crops.images.float() / 255,)), crops)))
    (clean, expected), (still, outputs) = found
    assert (clean.images.int() - still.images.int()).abs().max() <= 1 and still.order is None
    torch.testing.assert_close(still.maps, clean.maps, atol=1e-6, rtol=0)
    torch.testing.assert_close(
        crop.to_student(PoseOutputs(heatmaps=(clean.images.float() / 255,)), still).heatmaps[-1],
        expected.heatmaps[-1], atol=1e-5, rtol=0)
    assert outputs.heatmaps[-1].shape == expected.heatmaps[-1].shape


def test_joints_outside_of_the_teachers_crop_are_masked(image: str) -> None:  # noqa: F811
    narrow = NetworkInput(size=(96, 96), padding=0.5)
    inside = ((own_points(image, narrow) >= 0) & (own_points(image, narrow) <= 1)).all(-1)
    assert 0 < inside.sum() < 17
    for sample in drawn(image, teacher=narrow):
        assert (sample.teacher_mask == (inside[SWAPPED] if sample.flip else inside)).all()


def test_beside_other_views_each_has_its_own_crop(image: str) -> None:  # noqa: F811
    teachers = dict(same=CropSpec(TEACHER), clean=CropSpec(TEACHER, 'clean'), still=CropSpec(TEACHER, UNAUGMENTED))
    plain = pipeline(*PIXELS, before=(dict(type='YOLOXHSVRandomAug'),))
    several = with_teacher_crops(plain, teachers)
    assert padding_of(several) == 1.25 and without_teacher_crop(several) == plain
    found = samples(several, image)
    for name, spec in teachers.items():
        alone = with_teacher_crop(plain, spec.images, view=spec.view)
        assert with_crop_of(several, name) == alone
        for one, other in zip(found, samples(alone, image), strict=True):
            assert torch.equal(one['data_samples'].get(f'teacher_image_{name}'), other['data_samples'].teacher_image)


@pytest.mark.parametrize(('steps', 'sentence'), [
    ([pipeline()[0], pipeline()[2], pipeline()[1], *pipeline()[3:]], "view is 'unaugmented', .* before RandomFlip"),
    ([pipeline()[0], *pipeline()[2:]], 'put one GetBBoxCenterScale there'),
    (pipeline(before=(dict(type='Mystery'),)), "view is 'unaugmented', and it is not known whether .* Mystery")])
def test_pipelines_without_a_box_before_the_augmentation_are_refused(steps: list[dict], sentence: str) -> None:
    with pytest.raises(DistilPoseError, match=sentence):
        with_teacher_crop(steps, TEACHER, view=UNAUGMENTED)
