"""Frames of videos as images: which are written, once and whole, and what a data set makes of them."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mmengine.registry import DefaultScope
from torch.utils.data import DataLoader

from distilpose.datasets import UnlabelledImages, video_frames
from distilpose.datasets.unlabelled_files import held_out
from distilpose.datasets.video_frames import extract_frames, is_video
from distilpose.errors import DistilPoseError, RunFailed

from .videos import grey, write_video

METAINFO = dict(from_file='configs/_base_/datasets/coco.py')


@pytest.fixture(autouse=True)
def mmpose_scope() -> Any:
    with DefaultScope.overwrite_default_scope('mmpose'):
        yield


def test_every_so_manieth_frame_is_a_file_of_its_number(tmp_path: Path) -> None:
    video = write_video(tmp_path / 'clip.avi')
    found = extract_frames(video, tmp_path / 'frames', name='deep/clip.avi', every=6)
    assert found == ([f'deep/clip.avi/{number:06}.jpg' for number in (0, 6, 12, 18)], 0)
    assert [grey(cv2.imread(str(tmp_path / 'frames' / name))) for name in found.names] == [0, 6, 12, 18]


def test_a_video_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of readers that come at once too."""
    video, decoded = write_video(tmp_path / 'clip.avi'), []
    decode = video_frames._decode

    def counted(*args: Any, **options: Any) -> Any:
        decoded.append(1)
        return decode(*args, **options)

    monkeypatch.setattr(video_frames, '_decode', counted)
    with ThreadPoolExecutor(4) as readers:
        found = list(readers.map(lambda _: extract_frames(video, tmp_path / 'frames', name='clip.avi'), range(4)))
    assert len(decoded) == 1 and found == [(['clip.avi/000000.jpg', 'clip.avi/000010.jpg'], 0)] * 4


def test_frames_of_another_video_or_number_are_not_mixed_or_removed(tmp_path: Path) -> None:
    video, frames = write_video(tmp_path / 'clip.avi'), tmp_path / 'frames'
    extract_frames(video, frames, name='clip.avi')
    with pytest.raises(DistilPoseError, match='has one frame in 10 of a video of .*; expected one in 5'):
        extract_frames(video, frames, name='clip.avi', every=5)
    content = video.read_bytes()
    video.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DistilPoseError, match='bytes with another content; expected'):
        extract_frames(video, frames, name='clip.avi')
    (frames / 'clip.avi/frames.json').unlink()
    with pytest.raises(DistilPoseError, match=r'has no valid frames\.json'):
        extract_frames(video, frames, name='clip.avi')
    assert len(list((frames / 'clip.avi').iterdir())) == 2


def test_what_is_no_video_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / 'clip.mp4').write_bytes(b'none')
    with pytest.raises(DistilPoseError, match='cannot be read: it is broken'):
        extract_frames(tmp_path / 'clip.mp4', tmp_path / 'frames', name='clip.mp4')
    assert [file.name for file in (tmp_path / 'frames').iterdir()] == ['.lock']
    with pytest.raises(DistilPoseError, match='at least 1'):
        extract_frames(tmp_path / 'clip.mp4', tmp_path / 'frames', name='clip.mp4', every=0)


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    video = write_video(tmp_path / 'clip.avi')
    (tmp_path / 'frames').write_text('a file')
    with pytest.raises((RunFailed, DistilPoseError), match='frames'):
        extract_frames(video, tmp_path / 'frames', name='deep/clip.avi')


def test_frames_that_are_missing_are_counted(tmp_path: Path) -> None:
    whole = write_video(tmp_path / 'whole.avi').read_bytes()
    (tmp_path / 'cut.avi').write_bytes(whole[:len(whole) * 2 // 3])
    found = extract_frames(tmp_path / 'cut.avi', tmp_path / 'frames', name='cut.avi', every=1)
    assert 3 < len(found.names) < 20 and found.broken in (0, 20 - len(found.names))  # as far as the file says
    assert extract_frames(tmp_path / 'cut.avi', tmp_path / 'frames', name='cut.avi', every=1) == found


def unlabelled(folder: Path, **options: Any) -> UnlabelledImages:
    return UnlabelledImages(data_root=str(folder), metainfo=METAINFO, **options)


def test_unlabelled_images_are_frames_too_in_any_order_and_any_process(tmp_path: Path) -> None:
    folder = tmp_path / 'clips'
    write_video(folder / 'deep/clip.avi')
    cv2.imwrite(str(folder / 'a.png'), np.full((80, 64, 3), 250, np.uint8))
    dataset = unlabelled(folder, every=5, pipeline=[lambda results: (results['id'], grey(results['img']))])
    assert (tmp_path / 'clips_frames/deep/clip.avi/000015.jpg').is_file()
    expected = {0: 25, 1: 0, 2: 5, 3: 10, 4: 15}
    loader = DataLoader(dataset, batch_size=1, num_workers=2, shuffle=True, collate_fn=lambda batch: batch[0])
    assert dict(loader) == dict(loader) == expected


def test_boxes_are_of_frames(tmp_path: Path) -> None:
    write_video(tmp_path / 'clips/clip.avi')
    boxes = tmp_path / 'boxes.json'
    boxes.write_text(json.dumps({'clip.avi/000000.jpg': [], 'clip.avi/000010.jpg': [[2, 3, 40, 50], [9, 9, 40, 60]]}))
    dataset = unlabelled(tmp_path / 'clips', boxes=str(boxes), frames=str(tmp_path / 'elsewhere'))
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    assert [Path(info['img_path']).name for info in infos] == ['000010.jpg'] * 2
    assert infos[1]['box'].tolist() == [9, 9, 40, 60] and (tmp_path / 'elsewhere/clip.avi').is_dir()


def test_a_video_alone_is_a_source_and_a_broken_one_is_left_out(tmp_path: Path) -> None:
    video = write_video(tmp_path / 'clips/clip.avi')
    frames = str(tmp_path / 'of_one')
    assert len(UnlabelledImages(str(video), metainfo=METAINFO, frames=frames)) == 2
    (tmp_path / 'clips/broken.mp4').write_bytes(b'none')
    assert len(unlabelled(tmp_path / 'clips')) == 2
    video.unlink()
    shutil.rmtree(tmp_path / 'clips_frames')
    with pytest.raises(DistilPoseError, match='no video of .* can be read'):
        unlabelled(tmp_path / 'clips')


def test_frames_in_the_folder_itself_are_no_images_of_it(tmp_path: Path) -> None:
    write_video(tmp_path / 'clips/clip.avi')
    for _ in range(2):
        assert len(unlabelled(tmp_path / 'clips', frames=str(tmp_path / 'clips/frames'))) == 2


def test_frames_are_held_out_in_stretches() -> None:
    names = [f'clip.mp4/{number:06}.jpg' for number in range(0, 9000, 10)]
    chosen = sorted(int(Path(name).stem) for name in held_out(names))
    gaps = sum(after - before > 10 for before, after in pairwise(chosen))
    assert len(chosen) == 90 and gaps <= 3


def test_names_of_videos() -> None:
    assert is_video('a/B.MP4') and not is_video('a.jpg')
