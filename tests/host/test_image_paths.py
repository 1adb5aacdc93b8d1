"""Annotations name images of their data set and nothing else."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from mmpose.datasets import CocoDataset

from distilpose.datasets import QuickCocoDataset, UnlabelledImages, ZeroBasedMpiiDataset
from distilpose.errors import DistilPoseError
from distilpose.host.image_paths import check_inside

OUTSIDE = ['../../etc/passwd', '/etc/passwd', 'a/../../../x.png', 'http://example.org/x.png', 's3://bucket/x.png']
INSIDE = ['a.png', 'b/c.png', 'b/../a.png', '..a.png', '../masks/a.png', 'a:b.png']


def coco(folder: Path, names: list[str]) -> Path:
    person = dict(category_id=1, iscrowd=0, num_keypoints=17, bbox=[1, 1, 20, 20], area=400, keypoints=[5, 5, 2] * 17)
    (folder / 'annotations.json').write_text(json.dumps(dict(
        images=[dict(id=10 + index, file_name=name, width=30, height=30) for index, name in enumerate(names)],
        annotations=[dict(person, id=index, image_id=10 + index) for index in range(len(names))],
        categories=[dict(id=1, name='person')])))
    return folder / 'annotations.json'


def dataset(folder: Path, names: list[str], kind: type = CocoDataset, **options: Any) -> Any:
    coco(folder, names)
    return kind(**{**dict(data_root=str(folder), ann_file='annotations.json', data_prefix=dict(img='images/')),
                   **options})


@pytest.mark.parametrize('kind', [CocoDataset, QuickCocoDataset])
@pytest.mark.parametrize('name', OUTSIDE)
def test_an_image_elsewhere_is_refused(name: str, kind: type, tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match=r'image 11 of .*annotations\.json is .*outside of the folders') as caught:
        dataset(tmp_path, ['a.png', name], kind)
    message = str(caught.value)
    assert name.rpartition('/')[2] in message and 'DISTILPOSE_ALLOWED_FOLDERS=' in message and '\n' not in message


def test_images_below_the_root_and_below_the_folder_of_images_pass(tmp_path: Path) -> None:
    assert len(dataset(tmp_path, [*INSIDE, str(tmp_path / 'images' / 'x.png'), str(tmp_path / 'y.png')])) == 8
    elsewhere = tmp_path.parent / 'elsewhere'
    assert len(dataset(tmp_path, ['a.png', f'{elsewhere}/b.png'], data_prefix=dict(img=str(elsewhere)))) == 2


def test_a_root_that_is_a_link_has_both_names(tmp_path: Path) -> None:
    (tmp_path / 'real').mkdir()
    (tmp_path / 'link').symlink_to(tmp_path / 'real')
    coco(tmp_path / 'real', [str(tmp_path / 'real' / 'a.png'), str(tmp_path / 'link' / 'b.png')])
    assert len(CocoDataset(data_root=str(tmp_path / 'link'), ann_file='annotations.json')) == 2


def test_detected_boxes_and_images_without_a_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = tmp_path / 'boxes.json'
    boxes.write_text(json.dumps([dict(image_id=10, category_id=1, bbox=[1, 1, 9, 9], score=1.0)]))
    with pytest.raises(DistilPoseError, match='image 10 of'):
        dataset(tmp_path, ['../../x.png'], bbox_file=str(boxes), test_mode=True)
    monkeypatch.chdir(tmp_path)
    assert len(dataset(tmp_path, ['a.png', 'b/c.png'], data_root='', data_prefix=dict(img=''))) == 2
    with pytest.raises(DistilPoseError, match=f'of its data set \\({tmp_path}\\)'):
        dataset(tmp_path, ['/etc/passwd'], data_root='', data_prefix=dict(img=''))


def test_the_environment_allows_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('DISTILPOSE_ALLOWED_FOLDERS', '/somewhere:/etc')
    assert len(dataset(tmp_path, ['/etc/a.png', '/somewhere/b/c.png'])) == 2
    with pytest.raises(DistilPoseError, match="'/etcetera/a.png'"):
        dataset(tmp_path, ['/etcetera/a.png'])


def test_mpii_and_lists_of_images(tmp_path: Path) -> None:
    person = dict(image='../../x.png', center=[5, 5], scale=1.0, joints=[[1, 1]] * 16, joints_vis=[1] * 16)
    (tmp_path / 'train.json').write_text(json.dumps([person]))
    with pytest.raises(DistilPoseError, match=r'train\.json is .*x\.png'):
        ZeroBasedMpiiDataset(data_root=str(tmp_path), ann_file='train.json', data_prefix=dict(img='images'))
    (tmp_path / 'list.txt').write_text('a.png\n/etc/passwd\n')
    with pytest.raises(DistilPoseError, match=r"image /etc/passwd of .*list\.txt is '/etc/passwd'"):
        UnlabelledImages('list.txt', data_root=str(tmp_path),
                         metainfo=dict(from_file='configs/_base_/datasets/coco.py'))


def test_a_hundred_thousand_names_take_a_moment() -> None:
    for names in ([f'data/coco/{number:012d}.jpg' for number in range(120_000)],
                  [f'/data/coco/train2017/{number:012d}.jpg' for number in range(120_000)]):
        images = dict.fromkeys(names, 0)
        start = time.perf_counter()
        check_inside(images, roots=['data/coco', '/data/coco'], source='x')
        assert time.perf_counter() - start < 1
