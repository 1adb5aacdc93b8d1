"""Samples of late decoding against those of mmpose's steps, for the same seeds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mmengine.dataset import Compose
from mmpose.registry import TRANSFORMS
from PIL import Image

from distilpose.config.data import with_fast_data
from distilpose.datasets import jpeg
from distilpose.datasets.jpeg import JpegImage
from distilpose.engine.hooks.randomness import seed_generators
from distilpose.errors import DistilPoseError
from tests.datasets.odd_images import readable
from tests.datasets.test_jpeg import encode, picture, pillow
from tests.datasets.transforms.comparing import assert_same_pixels, assert_same_values

FLIPS = [1, 0] + [i + 1 if i % 2 == 0 else i - 1 for i in range(2, 16)] + [16]


@pytest.fixture(params=['opencv', 'simplejpeg'], autouse=True)
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which package decodes."""
    module = None if request.param == 'opencv' else pytest.importorskip('simplejpeg')
    monkeypatch.setattr(jpeg, 'simplejpeg', module)
    return request.param


def compose(steps: list[dict]) -> Compose:
    return Compose([TRANSFORMS.build(step) for step in steps])


def turned(image: np.ndarray) -> bytes:
    exif = Image.Exif()
    exif[0x112] = 6
    return pillow(image, exif=exif)


FILES: dict[str, Callable[[], bytes]] = {
    'odd.jpg': lambda: encode(picture(317, 243)),
    'tall.jpg': lambda: encode(picture(151, 407), sampling='444'),
    'grey.jpg': lambda: pillow(picture(160, 120)[..., 0]),
    'progressive.jpg': lambda: pillow(picture(203, 155), progressive=True),
    'turned.jpg': lambda: turned(picture(200, 120)),
    'four_inks.jpg': lambda: readable()['cmyk.jpg'],
    'colour.png': lambda: cv2.imencode('.png', picture(160, 121))[1].tobytes(),
}


def people(path: Path) -> list[dict[str, Any]]:
    """Someone in the middle, at both borders, and someone larger than the image."""
    height, width = cv2.imread(str(path)).shape[:2]
    boxes = np.array([[.3, .2, .6, .7], [-.1, -.05, .2, .3], [.8, .6, 1.2, 1.1], [-.2, -.2, 1.3, 1.2]])
    draw = np.random.default_rng(0)
    return [dict(img_path=str(path), id=number, img_id=1, flip_indices=FLIPS, raw_ann_info={},
                 upper_body_ids=range(11), lower_body_ids=range(11, 17), dataset_keypoint_weights=np.ones(17),
                 bbox=(box * [width, height, width, height])[None].astype(np.float32),
                 keypoints=(draw.uniform(box[:2], box[2:], (1, 17, 2)) * [width, height]).astype(np.float32),
                 keypoints_visible=draw.integers(0, 2, (1, 17)).astype(np.float32) if number else np.ones((1, 17)))
            for number, box in enumerate(boxes)]


LOADER = dict(dataset=dict(type='CocoDataset'))


def steps(*, direction: str = 'horizontal', use_udp: bool = False) -> dict[str, Any]:
    train = [
        dict(type='LoadImage'), dict(type='GetBBoxCenterScale'), dict(type='RandomBBoxCenterShift'),
        dict(type='RandomFlip', direction=direction), dict(type='RandomHalfBody'), dict(type='RandomScaleRotation'),
        dict(type='TopdownAffine', input_size=(48, 64), use_udp=use_udp), dict(type='RandomBlur', kind='mean'),
        dict(type='GenerateTarget', encoder=dict(type='RegressionLabel', input_size=(48, 64))),
        dict(type='PackPoseInputs', pack_transformed=True)]
    val = [train[0], train[1], train[6], dict(type='PackPoseInputs')]
    return dict(train_pipeline=train, val_pipeline=val, train_dataloader=LOADER)


def late(base: dict[str, Any], **options: bool) -> Compose:
    train = with_fast_data(base, **options)[0]
    train[-1] = base['train_pipeline'][-1]  # what it packs is compared here
    return compose(train)


def make(pipeline: Compose, person: dict[str, Any], seed: int) -> dict[str, Any]:
    seed_generators((seed, person['id']), with_torch=False)
    return pipeline({key: value.copy() if isinstance(value, np.ndarray) else value for key, value in person.items()})


def assert_same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert_same_pixels(ours['inputs'], theirs['inputs'])
    ours, theirs = ours['data_samples'], theirs['data_samples']
    for part in ('gt_instances', 'gt_instance_labels'):
        assert set(getattr(ours, part).keys()) == set(getattr(theirs, part).keys())
        for name, value in getattr(theirs, part).items():
            assert_same_values(getattr(ours, part)[name], value, name)
    assert set(ours.metainfo) == set(theirs.metainfo)
    for name, value in theirs.metainfo.items():
        assert_same_values(ours.metainfo[name], value, name)


@pytest.mark.parametrize('name', FILES)
def test_samples_are_mmposes(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(FILES[name]())
    flipped = set()
    for base in (steps(), steps(direction='vertical', use_udp=True), steps(direction='diagonal')):
        plain, fast, together = compose(base['train_pipeline']), late(base), late(base, together=True)
        for person in people(tmp_path / name):
            for seed in range(6):
                expected = make(plain, person, seed)
                assert_same(make(fast, person, seed), expected)
                assert_same(make(together, person, seed), expected)
                flipped.add(expected['data_samples'].flip)
    assert flipped == {True, False}


def test_an_image_that_is_there_is_not_read_again() -> None:
    image = picture(160, 120)
    base = steps()
    plain, fast = compose(base['train_pipeline']), late(base)
    for seed in range(4):
        person = dict(img=image, img_path='/nowhere.jpg', id=0, flip_indices=FLIPS, upper_body_ids=[0],
                      lower_body_ids=[1], bbox=np.float32([[20, 10, 90, 110]]), raw_ann_info={},
                      keypoints=np.full((1, 17, 2), 50, np.float32), keypoints_visible=np.ones((1, 17)))
        assert_same(make(fast, person, seed), make(plain, person, seed))


@pytest.mark.parametrize('is_flipped', [False, True])
@pytest.mark.parametrize('factor', [2, 4, 8])
def test_reduced_crops_do_not_shift(tmp_path: Path, factor: int, is_flipped: bool) -> None:
    """A blob's centre of mass lies on the keypoint that is put there, in sizes that no square divides."""
    width, height, centre = 48 * factor + 21, 64 * factor + 19, np.array([26.3, 33.6]) * factor
    rows, columns = np.mgrid[:height, :width]
    blob = 255 * np.exp(-((columns - centre[0])**2 + (rows - centre[1])**2) / (2 * (4 * factor)**2))
    (tmp_path / 'blob.jpg').write_bytes(encode(np.repeat(blob[..., None], 3, 2).round().astype(np.uint8)))
    base = dict(train_pipeline=[dict(type='LoadImage'), dict(type='RandomFlip', prob=float(is_flipped)),
                                dict(type='TopdownAffine', input_size=(48, 64)), dict(type='PackPoseInputs')],
                val_pipeline=[dict(type='LoadImage')], train_dataloader=LOADER)
    person = dict(img_path=str(tmp_path / 'blob.jpg'), id=0, flip_indices=[0], keypoints_visible=np.ones((1, 1)),
                  keypoints=centre[None, None].astype(np.float32), bbox_rotation=np.float32([20]),
                  bbox_center=centre[None].astype(np.float32), bbox_scale=np.float32([[49 * factor, 65 * factor]]))
    shown = {}
    for reduced in (False, True):
        pipeline = compose(with_fast_data(base, reduced=reduced)[0][:-1])
        found = make(pipeline, person, 0)
        shown[reduced] = found
        crop = found['img'][..., 0].astype(float)
        crop_rows, crop_columns = np.mgrid[:64, :48]
        mass = np.array([(crop * crop_columns).sum(), (crop * crop_rows).sum()]) / crop.sum()
        np.testing.assert_allclose(mass, found['transformed_keypoints'][0, 0], atol=.05)
    assert set(shown[True]) == set(shown[False])
    for name in ('transformed_keypoints', 'bbox_center', 'bbox_scale', 'input_center', 'input_scale', 'keypoints'):
        np.testing.assert_allclose(shown[True][name], shown[False][name], rtol=1e-5, err_msg=name)
    difference = np.abs(shown[True]['img'].astype(float) - shown[False]['img'])
    assert difference.mean() < 1 and difference.max() < 8  # grey levels


def test_crops_of_fewer_pixels_than_twice_their_own_are_not_reduced(tmp_path: Path) -> None:
    (tmp_path / 'grey.jpg').write_bytes(FILES['grey.jpg']())
    person = people(tmp_path / 'grey.jpg')[1]  # 48 pixels wide as the crop, up to 1.7 times as many with its margins
    plain, fast = compose(steps()['train_pipeline']), late(steps(), reduced=True)
    for seed in range(4):
        assert_same(make(fast, person, seed), make(plain, person, seed))


def test_an_image_of_several_people_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('a.jpg', 'b.jpg'):
        (tmp_path / name).write_bytes(FILES['odd.jpg']())
    decoded = []
    decode = JpegImage.decode
    monkeypatch.setattr(JpegImage, 'decode', lambda self, **asked: (decoded.append(asked.get('rows')),
                                                                    decode(self, **asked))[1])
    pipeline = late(steps(), together=True)
    for name, count in (('a.jpg', 4), ('b.jpg', 1), ('a.jpg', None), ('b.jpg', 1)):
        for seed, person in enumerate(people(tmp_path / name)):
            make(pipeline, person | ({} if count is None else dict(people_in_image=count)), seed)
        assert (decoded.count(None), len(decoded)) == {4: (1, 1), 1: (0, 4), None: (0, 0)}[count]
        decoded.clear()


def test_a_step_that_needs_pixels_too_early_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'odd.jpg').write_bytes(FILES['odd.jpg']())
    base = steps()
    base['train_pipeline'].insert(3, dict(type='RandomBlur', kind='mean', prob=1.0))
    with pytest.raises(DistilPoseError, match='put it behind DecodingTopdownAffine'):
        make(late(base), people(tmp_path / 'odd.jpg')[0], 0)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='gone.jpg'):
        late(steps())(dict(img_path=str(tmp_path / 'gone.jpg')))
