from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from mmpose.registry import TRANSFORMS

from distilpose.config import CropSpec, with_teacher_crop, with_teacher_crops, without_teacher_crop
from distilpose.config.teacher_crop import with_crop_of
from distilpose.datasets.staged_pipeline import split_steps
from distilpose.distillation.own_crop import OwnCrop
from distilpose.errors import DistilPoseError
from distilpose.structures import NetworkInput, PoseOutputs, teacher_fields

SIZE = (48, 64)
SQUARE = NetworkInput(size=(96, 96), padding=1.0)
BLACK_OUT = dict(type='CoarseDropout', prob=1.0, holes=(2, 3))
PIXELS = [dict(type='YOLOXHSVRandomAug'), dict(type='PhotometricDistortion'),
          dict(type='RandomBlur', kind='mean', prob=0.5), dict(type='RandomBlur', kind='median', prob=0.5), BLACK_OUT]
MPII_LIKE = dict(type='Albumentation', transforms=[
    dict(type='Blur', p=0.3), dict(type='MedianBlur', p=0.3),
    dict(type='CoarseDropout', max_holes=1, max_height=0.4, max_width=0.4, min_holes=1, min_height=0.2, min_width=0.2,
         p=1.0)])


def pipeline(*behind: dict, before: tuple[dict, ...] = (), load: str = 'LoadImage', crop: str = 'TopdownAffine',
             **crop_options: Any) -> list[dict]:
    codec = dict(type='RegressionLabel', input_size=SIZE)
    return [dict(type=load), dict(type='GetBBoxCenterScale', padding=1.25), *before,
            dict(type='RandomFlip', direction='horizontal'), dict(type='RandomBBoxTransform'),
            dict(type=crop, input_size=SIZE, **crop_options), *behind, dict(type='GenerateTarget', encoder=codec),
            dict(type='PackMixedPoseInputs', pack_transformed=True)]


@pytest.fixture(scope='module')
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Smooth noise as a JPEG file."""
    file = tmp_path_factory.mktemp('image') / 'image.jpg'
    cv2.imwrite(str(file), cv2.resize(np.random.default_rng(0).integers(0, 255, (12, 16, 3), np.uint8), (160, 120)))
    return str(file)


def person(image: str) -> dict[str, Any]:
    keypoints = np.random.default_rng(1).uniform((40, 20), (110, 100), (1, 17, 2)).astype(np.float32)
    return dict(img_path=image, img_id=1, id=1, bbox=np.array([[35, 15, 115, 105]], np.float32),
                bbox_score=np.ones(1, np.float32), keypoints=keypoints, keypoints_visible=np.ones((1, 17), np.float32),
                flip_indices=list(range(17)), people_in_image=1)


def samples(steps: list[dict], image: str, *, count: int = 6) -> list[dict]:
    with DefaultScope.overwrite_default_scope('mmpose'):
        compose = Compose([TRANSFORMS.build(copy.deepcopy(step)) for step in steps])
    np.random.seed(0)
    random.seed(0)
    return [compose(person(image)) for _ in range(count)]


def assert_equal_students(found: list[dict], expected: list[dict]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one['inputs'], other['inputs'])
        labels, others = (sample['data_samples'].gt_instance_labels for sample in (one, other))
        assert torch.equal(labels.keypoint_labels, others.keypoint_labels)
        assert torch.equal(labels.keypoint_weights, others.keypoint_weights)
        assert one['data_samples'].metainfo.keys() == other['data_samples'].metainfo.keys()


@pytest.mark.parametrize('view', ['same', 'clean'])
@pytest.mark.parametrize('behind', [[], PIXELS, [MPII_LIKE]], ids=['plain', 'pixels', 'albumentation'])
def test_the_students_samples_are_those_without_a_teacher(image: str, view: str, behind: list[dict]) -> None:
    plain = pipeline(*behind)
    assert_equal_students(samples(with_teacher_crop(plain, SQUARE, view=view), image), samples(plain, image))


@pytest.mark.parametrize('reduced', [False, True])
def test_lazily_decoded_students_are_the_same_and_see_the_same_teacher(image: str, reduced: bool) -> None:
    plain = pipeline(load='LoadEncodedImage', crop='DecodingTopdownAffine', reduced=reduced)
    found = samples(with_teacher_crop(plain, SQUARE), image)
    assert_equal_students(found, samples(plain, image))
    expected = samples(with_teacher_crop(pipeline(), SQUARE), image)
    for one, other in zip(found, expected, strict=True):
        difference = one['data_samples'].teacher_image.int() - other['data_samples'].teacher_image.int()
        assert difference.abs().max() <= 8 and difference.abs().float().mean() < 0.1
        np.testing.assert_allclose(one['data_samples'].teacher_map, other['data_samples'].teacher_map, rtol=1e-6)


@pytest.mark.parametrize('behind', [[], PIXELS, [MPII_LIKE]], ids=['plain', 'pixels', 'albumentation'])
@pytest.mark.parametrize('udp', [False, True])
def test_the_same_input_gives_the_students_crop(image: str, behind: list[dict], udp: bool) -> None:
    """Size, padding and UDP are the student's, so every pixel is, with colour, blur and holes."""
    teacher = NetworkInput(size=SIZE, padding=1.25, udp=udp)
    for sample in samples(with_teacher_crop(pipeline(*behind, use_udp=udp), teacher), image):
        assert torch.equal(sample['data_samples'].teacher_image, sample['inputs'])
        assert (sample['data_samples'].teacher_map == np.eye(2, 3)).all()


def test_a_clean_view_has_no_colour_blur_or_holes(image: str) -> None:
    expected = samples(pipeline(), image, count=1)[0]['inputs']
    teacher = NetworkInput(size=SIZE)  # padding: the student's
    for steps in (pipeline(*PIXELS), pipeline(before=(dict(type='YOLOXHSVRandomAug', hue_delta=90), ))):
        found = samples(with_teacher_crop(steps, teacher, view='clean'), image, count=1)[0]
        assert not torch.equal(found['inputs'], found['data_samples'].teacher_image)
    torch.testing.assert_close(found['data_samples'].teacher_image.shape, expected.shape)


def test_the_clean_image_is_flipped_as_the_student(image: str) -> None:
    """The image is kept in front of a step that changes colours by nothing, and in front of the flip."""
    no_change = dict(type='YOLOXHSVRandomAug', hue_delta=0, saturation_delta=0, value_delta=0)
    steps = pipeline(before=(no_change, ))
    found = samples(with_teacher_crop(steps, NetworkInput(size=SIZE), view='clean'), image)
    assert {sample['data_samples'].flip for sample in found} == {True, False}
    for sample in found:  # conversion to HSV and back rounds
        difference = (sample['data_samples'].teacher_image.int() - sample['inputs'].int()).abs()
        assert difference.max() <= 8


@pytest.mark.parametrize('student_udp', [False, True])
@pytest.mark.parametrize('teacher_udp', [False, True])
@pytest.mark.parametrize('size', [(96, 96), (144, 192), (128, 64)])
def test_the_map_takes_a_point_of_the_teachers_crop_to_the_students(image: str, size: tuple[int, int],
                                                                    student_udp: bool, teacher_udp: bool) -> None:
    """Rotated, flipped, shifted and scaled: keypoints of the crop that another pipeline makes of the same numbers.

    Not rotated where one of both is a crop by UDP, which mmpose turns the other way.
    """
    teacher = NetworkInput(size=size, padding=1.0, udp=teacher_udp)
    steps, as_student = pipeline(use_udp=student_udp), pipeline(use_udp=teacher_udp)
    turns = dict() if student_udp == teacher_udp else dict(rotate_factor=1e-9)
    steps[3] = dict(steps[3], **turns)
    found = samples(with_teacher_crop(steps, teacher), image)
    as_student[1] = dict(type='GetBBoxCenterScale', padding=1.0)
    as_student[4] = dict(as_student[4], input_size=size)
    # shifts are shares of the padded box
    as_student[3] = dict(type='RandomBBoxTransform', shift_factor=0.16 * 1.25, **turns)
    expected = samples(as_student, image)
    for one, other in zip(found, expected, strict=True):
        points, own = (sample['data_samples'].gt_instances.transformed_keypoints[0] for sample in (one, other))
        place = one['data_samples'].teacher_map
        brought = own / size @ place[:, :2].T + place[:, 2]
        np.testing.assert_allclose(brought, points / SIZE, atol=2e-4)


@pytest.mark.parametrize('student_udp', [False, True])
@pytest.mark.parametrize('teacher_udp', [False, True])
def test_flips_and_rotations_show_the_teacher_the_person_turned_alike(image: str, student_udp: bool,
                                                                      teacher_udp: bool) -> None:
    """Brought to the student's grid, the pixels of the teacher's crop are those of the student's."""
    teacher = NetworkInput(size=(192, 256), padding=1.25, udp=teacher_udp)
    grid = PoseOutputs(heatmaps=(torch.zeros(1, 3, *SIZE[::-1]), ))
    crop = OwnCrop(teacher, student=SIZE, student_outputs=grid)
    for sample in samples(with_teacher_crop(pipeline(use_udp=student_udp), teacher), image):
        crops = crop.read([sample['data_samples']], torch.device('cpu'))._replace(mask=None)
        warped = crop.to_student(PoseOutputs(heatmaps=(crops.images.float(), )), crops).heatmaps[-1][0]
        inner = (slice(None), slice(2, -2), slice(2, -2))
        assert (warped - sample['inputs'].float())[inner].abs().mean() < 1.5


def test_holes_are_where_the_student_has_them(image: str) -> None:
    whole = samples(with_teacher_crop(pipeline(), NetworkInput(size=(96, 128))), image, count=1)[0]
    holed = samples(with_teacher_crop(pipeline(BLACK_OUT), NetworkInput(size=(96, 128))), image, count=1)[0]
    student = (holed['inputs'] == 0).all(0) & (whole['inputs'] != 0).any(0)
    teacher = (holed['data_samples'].teacher_image == 0).all(0) & (whole['data_samples'].teacher_image != 0).any(0)
    assert student.float().mean() > 0.04
    assert (teacher[::2, ::2] == student).float().mean() > 0.98


def test_no_hole_where_the_teacher_sees_more_than_the_student(image: str) -> None:
    everything = dict(type='CoarseDropout', prob=1.0, side=(1.0, 1.0))
    sample = samples(with_teacher_crop(pipeline(everything), NetworkInput(size=(128, 64), padding=1.25)), image)[0]
    assert (sample['inputs'] == 0).all()
    scale, _, shift = sample['data_samples'].teacher_map[0].tolist()
    columns = torch.arange(128) / 128 * scale + shift
    outside = (columns < -0.05) | (columns > 1.05)
    crop = sample['data_samples'].teacher_image
    assert outside.any() and crop[..., outside].float().mean() > 10 and (crop[..., ~outside][..., 5:-5] == 0).all()


def test_joints_outside_of_the_teachers_crop_are_masked(image: str) -> None:
    narrow = NetworkInput(size=(96, 96), padding=0.5)
    found = [sample['data_samples'].teacher_mask for sample in samples(with_teacher_crop(pipeline(), narrow), image)]
    wide = samples(with_teacher_crop(pipeline(), NetworkInput(size=(96, 96), padding=3.0)), image)
    assert all(mask.shape == (17, ) and 0 < mask.sum() < 17 for mask in found)
    assert all(sample['data_samples'].teacher_mask.all() for sample in wide)


def test_a_batch_still_goes_through_the_steps_together(image: str) -> None:
    plain = pipeline(load='LoadEncodedImage', crop='DecodingTopdownAffine')
    for steps in (plain, with_teacher_crop(plain, SQUARE)):
        with DefaultScope.overwrite_default_scope('mmpose'):
            early, late = split_steps([TRANSFORMS.build(step) for step in steps])
        assert (len(early), len(late)) == (4, 3)


def test_applied_twice_it_does_what_it_does_once() -> None:
    once = with_teacher_crop(pipeline(*PIXELS), SQUARE)
    assert with_teacher_crop(once, SQUARE) == once


@pytest.mark.parametrize(('steps', 'view', 'sentence'), [
    (pipeline(dict(type='GridMask')), 'same',
     "GridMask behind the crop cannot be repeated.*model.teacher.view='clean'"),
    (pipeline(before=(dict(type='Mystery'), )), 'clean', "Mystery in front of the crop.*model.teacher.view='same'"),
    (pipeline()[:4] + pipeline()[5:], 'same', 'should have one step that crops .*, and this one has 0'),
    (pipeline()[:-1], 'same', 'should have one step that packs'),
    ([pipeline()[0], *pipeline()[2:]], 'same', "the student's is not.*GetBBoxCenterScale"),
    (pipeline(), 'other', "model.teacher.view is 'other'; expected one of same, clean"),
])
def test_what_cannot_be_done_is_refused_in_a_sentence(steps: list[dict], view: str, sentence: str) -> None:
    with pytest.raises(DistilPoseError, match=sentence):
        with_teacher_crop(steps, SQUARE, view=view)


def test_a_teacher_without_a_size_is_refused() -> None:
    with pytest.raises(DistilPoseError, match='does not say the size of its input'):
        with_teacher_crop(pipeline(), NetworkInput())


def test_unlabelled_samples_teach_all_joints(image: str, tmp_path: Path) -> None:
    unlabelled = dict(person(image), keypoints=np.zeros((1, 17, 2), np.float32),
                      keypoints_visible=np.zeros((1, 17), np.float32), labelled=False)
    with DefaultScope.overwrite_default_scope('mmpose'):
        compose = Compose([TRANSFORMS.build(step) for step in with_teacher_crop(pipeline(), SQUARE)])
    assert compose(unlabelled)['data_samples'].teacher_mask.all()


SEVERAL = dict(body=CropSpec(NetworkInput(size=(96, 128), padding=1.0)),
               hands=CropSpec(NetworkInput(size=(96, 96), padding=1.5), 'clean'),
               face=CropSpec(NetworkInput(size=(96, 128), padding=1.0), entry='model.teachers.face'))
ALONE = dict(before=(dict(type='YOLOXHSVRandomAug'), ))


@pytest.mark.parametrize('lazy', [False, True])
def test_several_teachers_have_the_crops_that_each_has_alone(image: str, lazy: bool) -> None:
    """With colour before the crop, which the clean view is without, and blur and holes behind."""
    options: dict[str, Any] = dict(load='LoadEncodedImage', crop='DecodingTopdownAffine') if lazy else ALONE
    plain = pipeline(*PIXELS, **options)
    found = samples(with_teacher_crops(plain, SEVERAL), image)
    assert_equal_students(found, samples(plain, image))
    for name, spec in SEVERAL.items():
        alone = samples(with_teacher_crop(plain, spec.images, view=spec.view), image)
        for one, other in zip(found, alone, strict=True):
            for field, only in zip(teacher_fields(name), teacher_fields(), strict=True):
                assert np.array_equal(one['data_samples'].get(field), other['data_samples'].get(only))
    assert 'teacher_image' not in found[0]['data_samples']


def test_the_same_crop_is_cut_once(image: str) -> None:
    steps = with_teacher_crops(pipeline(), SEVERAL)
    assert steps[4]['teachers']['face'] == 'body' and isinstance(steps[4]['teachers']['hands'], dict)
    with DefaultScope.overwrite_default_scope('mmpose'):
        assert [cut.teachers for cut in TRANSFORMS.build(steps[4]).cuts] == [('body', 'face'), ('hands', )]
    sample = samples(steps, image, count=1)[0]['data_samples']
    assert sample.teacher_image_face is sample.teacher_image_body


@pytest.mark.parametrize('view', ['same', 'clean'])
def test_crops_of_other_teachers_replace_those_of_a_pipeline(view: str) -> None:
    plain = pipeline(*PIXELS, **ALONE)
    only = with_teacher_crop(plain, SQUARE, view=view)
    several = with_teacher_crops(only, SEVERAL)
    assert several == with_teacher_crops(plain, SEVERAL) and without_teacher_crop(several) == plain
    assert with_teacher_crop(several, SQUARE, view=view) == only


def test_messages_name_the_teacher(image: str) -> None:
    with pytest.raises(DistilPoseError, match="RandomErasing behind.*model.teachers.face.view='clean'"):
        with_teacher_crops(pipeline(dict(type='RandomErasing')),
                           dict(body=SEVERAL['hands'], face=SEVERAL['face']))
    with pytest.raises(DistilPoseError, match='size of its input.*model.teachers.face'):
        with_teacher_crops(pipeline(), dict(face=CropSpec(NetworkInput(), entry='model.teachers.face')))


@pytest.mark.parametrize('name', ['body', 'hands', 'face', 'none'])
def test_the_crop_of_one_of_several_teachers(name: str) -> None:
    """Which a cache of its outputs depends on: the same as if it were the only teacher."""
    plain = pipeline(*PIXELS, **ALONE)
    several = with_teacher_crops(plain, SEVERAL)
    found = with_crop_of(several, name)
    if name == 'none':
        assert found == plain
    else:
        assert found == with_teacher_crop(plain, SEVERAL[name].images, view=SEVERAL[name].view)
    only = with_teacher_crop(plain, SQUARE)
    assert with_crop_of(only, 'teacher') == only
