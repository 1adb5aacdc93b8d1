"""Frames of videos: the command, what is left alone when repeated, what is kept, and what goes wrong.

Most tests have a stand-in for ffmpeg which writes what a video file lists; the last ones run ffmpeg where it is
installed.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from distilpose.datasets.ubody_frames import Extraction, extract_frames
from distilpose.errors import DistilPoseError

from .ubody_form import read_ubody, write_ubody

STAND_IN = """#!{python}
import json, sys
from pathlib import Path
arguments = sys.argv[1:]
video = Path(arguments[arguments.index('-i') + 1])
with Path({log!r}).open('a') as log:
    log.write(json.dumps([str(Path.cwd()), arguments]) + '\\n')
told = json.loads(video.read_text())
if 'warning' in told:
    print('first line', told['warning'], sep='\\n', file=sys.stderr)
for number in range(1, told.get('frames', 0) + 1):
    Path(arguments[-1] % number).write_bytes(b'frame')
sys.exit(told.get('exit', 0))
"""


@pytest.fixture
def ffmpeg(tmp_path: Path) -> Path:
    program = tmp_path / 'stand_in'
    program.write_text(STAND_IN.format(python=sys.executable, log=str(tmp_path / 'log')))
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    return program


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / 'UBody'
    add_video(folder, 'Speech/one.mp4', frames=3)
    add_video(folder, "Talk Show/it's 50%d; rm -rf $HOME.v2.MP4", frames=2)
    return folder


def add_video(root: Path, name: str, **told: object) -> Path:
    file = root / 'videos' / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(told))
    return file


def commands(tmp_path: Path) -> list[tuple[str, list[str]]]:
    log = tmp_path / 'log'
    return [tuple(json.loads(line)) for line in log.read_text().splitlines()] if log.is_file() else []


def images(root: Path) -> list[str]:
    return sorted(file.relative_to(root / 'images').as_posix() for file in (root / 'images').rglob('*.png'))


@pytest.mark.slow
def test_layout_and_command(root: Path, ffmpeg: Path, tmp_path: Path) -> None:
    """As published: PNG, 30 a second, from 1, in the folder of the video's name up to its first dot; and no shell."""
    assert extract_frames(root, ffmpeg=str(ffmpeg)) == Extraction(2, 0, 0, 5, ())
    odd = "Talk Show/it's 50%d; rm -rf $HOME"
    assert images(root) == [f'Speech/one/00000{number}.png' for number in (1, 2, 3)] + [f'{odd}/00000{number}.png'
                                                                                        for number in (1, 2)]
    for (folder, arguments), name in zip(sorted(commands(tmp_path)), ('Speech/one.mp4', f'{odd}.v2.MP4'), strict=True):
        assert Path(folder).name.startswith('.') and Path(folder).parent == root / 'images' / Path(name).parent
        assert arguments[arguments.index('-i'):] == ['-i', str(root / 'videos' / name), '-f', 'image2', '-r', '30',
                                                     '%06d.png']
    assert not list(root.rglob('*.part'))


@pytest.mark.slow
def test_finished_videos_are_skipped(root: Path, ffmpeg: Path, tmp_path: Path) -> None:
    extract_frames(root, ffmpeg=str(ffmpeg))
    first = root / 'images/Speech/one/000001.png'
    first.write_bytes(b'touched')
    add_video(root, 'Speech/new.mkv', frames=1)
    assert extract_frames(root, ffmpeg=str(ffmpeg)) == Extraction(1, 2, 0, 1, ())
    assert first.read_bytes() == b'touched' and len(commands(tmp_path)) == 3
    assert extract_frames(root, ffmpeg='no program is needed any more') == Extraction(0, 3, 0, 0, ())


@pytest.mark.slow
def test_an_interrupted_video_is_made_anew(root: Path, ffmpeg: Path) -> None:
    left_over = root / 'images/Speech/.one.part'
    left_over.mkdir(parents=True)
    (left_over / '000009.png').touch()
    (root / 'images/Speech/one').mkdir()  # empty: of a tool that made the folder first
    extract_frames(root, scenes=['Speech'], ffmpeg=str(ffmpeg))
    assert images(root) == [f'Speech/one/00000{number}.png' for number in (1, 2, 3)] and not left_over.exists()


@pytest.mark.slow
@pytest.mark.parametrize('told, reason', [
    (dict(frames=3, exit=1, warning='Invalid data found'), 'Invalid data found'),
    (dict(frames=0), 'exit code 0, 0 frames'), (dict(frames=1, exit=255), 'exit code 255, 1 frames')], ids=str)
def test_a_video_that_cannot_be_read_does_not_stop_the_others(root: Path, ffmpeg: Path, told: dict[str, object],
                                                              reason: str) -> None:
    broken = add_video(root, 'Speech/broken.avi', **told)
    with pytest.raises(DistilPoseError, match=f'1 of 3 videos could not be .*\n.*broken.avi: {reason}'):
        extract_frames(root, ffmpeg=str(ffmpeg), jobs=2)
    assert len(images(root)) == 5 and not list(root.rglob('*.part')) and not (root / 'images/Speech/broken').exists()
    add_video(root, 'Speech/broken.avi', frames=4)
    assert broken.is_file() and extract_frames(root, ffmpeg=str(ffmpeg)) == Extraction(1, 2, 0, 4, ())


@pytest.mark.slow
def test_warnings_of_ffmpeg_are_passed_on(root: Path, ffmpeg: Path) -> None:
    add_video(root, 'Speech/one.mp4', frames=3, warning='a frame is damaged')
    done = extract_frames(root, ffmpeg=str(ffmpeg))
    assert done.warnings == (f'{root}/videos/Speech/one.mp4: a frame is damaged', )
    assert str(done).splitlines() == ['2 videos extracted, 5 images; 0 were finished before', *done.warnings]


@pytest.mark.slow
def test_only_annotated_frames_are_kept(tmp_path: Path, ffmpeg: Path) -> None:
    """Exactly what the data set reads; nothing is written for a video without annotations."""
    root = write_ubody(tmp_path / 'UBody', extracted=False)
    for name in ('Speech/speech_one', 'Speech/speech_two_Trim1', 'Talk Show/talk_one', 'Talk Show/talk_two',
                 'Speech/other'):
        add_video(root, f'{name}.mp4', frames=25)
    done = extract_frames(root, keep_interval=10, ffmpeg=str(ffmpeg))
    assert done == Extraction(4, 0, 1, 10, ()) and '1 have no annotated image' in str(done)
    read = {Path(data.get_data_info(index)['img_path']) for data in (read_ubody(root), read_ubody(root, split='val'))
            for index in range(len(data))}
    assert sorted(path.relative_to(root / 'images').as_posix() for path in read) == images(root)


@pytest.mark.slow
@pytest.mark.parametrize('first, second, is_finished', [(None, 10, True), (None, None, True), (10, 10, True),
                                                        (10, 20, True), (10, 5, False), (10, None, False)])
def test_what_was_kept_decides_whether_a_video_is_finished(first: int | None, second: int | None, is_finished: bool,
                                                           tmp_path: Path, ffmpeg: Path) -> None:
    root = write_ubody(tmp_path / 'UBody', scenes={'Speech': ['speech_one']}, extracted=False)
    add_video(root, 'Speech/speech_one.mp4', frames=25)
    extract_frames(root, keep_interval=first, ffmpeg=str(ffmpeg))
    done = extract_frames(root, keep_interval=second, ffmpeg=str(ffmpeg))
    assert (done.finished, done.extracted) == (int(is_finished), int(not is_finished))
    assert len(images(root)) == {None: 25, 5: 5, 10: 2}[first if is_finished else second]


def test_frames_of_another_tool_count_as_finished(root: Path, ffmpeg: Path) -> None:
    folder = root / 'images/Speech/one'
    folder.mkdir(parents=True)
    (folder / '000001.png').touch()
    assert extract_frames(root, scenes=['Speech'], ffmpeg=str(ffmpeg)) == Extraction(0, 1, 0, 0, ())


def test_no_ffmpeg_is_a_sentence(root: Path) -> None:
    with pytest.raises(DistilPoseError, match="no program 'absent-ffmpeg'.*install ffmpeg.*--ffmpeg"):
        extract_frames(root, ffmpeg='absent-ffmpeg')
    assert not (root / 'images').exists()


def no_videos(root: Path) -> None:
    shutil.rmtree(root / 'videos')


def no_video_files(root: Path) -> None:
    for file in root.rglob('*.*'):
        file.rename(file.with_suffix('.txt'))


def two_of_a_name(root: Path) -> None:
    add_video(root, 'Speech/one.avi', frames=1)


@pytest.mark.parametrize('spoil, options, sentence', [
    (no_videos, dict(), 'has no videos of any scene, it has no folder videos'),
    (no_video_files, dict(), r'there are no videos \(.avi'),
    (two_of_a_name, dict(), 'one.avi and .*one.mp4 would both go to .*Speech/one'),
    (None, dict(scenes=['Opera']), 'has no videos of Opera, it has Speech, Talk Show'),
    (None, dict(jobs=0), 'jobs is 0; expected at least 1'),
    (None, dict(keep_interval=10), 'keypoint_annotation.json cannot be read'),
])
def test_wrong_input_is_a_sentence(root: Path, ffmpeg: Path, spoil: Callable[[Path], object] | None,
                                   options: dict[str, object], sentence: str) -> None:
    if spoil is not None:
        spoil(root)
    with pytest.raises(DistilPoseError, match=sentence):
        extract_frames(root, ffmpeg=str(ffmpeg), **options)
    assert not (root / 'images').exists()


def real_ffmpeg() -> str:
    program = shutil.which(os.environ.get('FFMPEG', 'ffmpeg'))
    if program is None:
        pytest.skip('ffmpeg is not on this machine (FFMPEG may name it)')
    return program


def write_video(file: Path, *, frames: int, rate: float) -> None:
    """A video whose frames get brighter one by one."""
    file.parent.mkdir(parents=True)
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*'mp4v'), rate, (64, 48))
    for number in range(frames):
        writer.write(np.full((48, 64, 3), 5 + 6 * number, np.uint8))
    writer.release()
    assert file.stat().st_size > 0


@pytest.mark.slow
@pytest.mark.parametrize('rate, expected, slack', [(30, range(30), 0), (15, np.repeat(np.arange(20), 2), 1),
                                                   (60, range(0, 40, 2), 3)])
def test_ffmpeg_gives_thirty_frames_a_second(rate: float, expected: np.ndarray, slack: int, tmp_path: Path) -> None:
    """At 15 frames a second each comes twice, at 60 every other one, but for the first few, which it keeps all."""
    root = tmp_path / 'UBody'
    write_video(root / 'videos/Speech/a %d clip.mp4', frames=len(expected) * rate // 30, rate=rate)
    extract_frames(root, ffmpeg=real_ffmpeg())
    means = [cv2.imread(str(file)).mean() for file in sorted((root / 'images/Speech/a %d clip').glob('*.png'))]
    shown = np.round((np.array(means) - means[0]) / 6).astype(int)
    count = min(len(shown), len(expected))
    assert abs(len(shown) - len(expected)) <= slack and (np.diff(shown) >= 0).all()
    assert np.abs(shown[:count] - np.array(expected)[:count]).max() <= slack


@pytest.mark.slow
def test_ffmpeg_refuses_what_is_no_video(tmp_path: Path) -> None:
    root = tmp_path / 'UBody'
    add_video(root, 'Speech/text.mp4')
    with pytest.raises(DistilPoseError, match='1 of 1 videos could not be extracted.*\n.*text.mp4: '):
        extract_frames(root, ffmpeg=real_ffmpeg())
    assert not list(root.rglob('*.part'))
