"""Videos and cameras: frames, those that are damaged, resumed runs, and memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from distilpose.apis import load_model
from distilpose.errors import DistilPoseError, RunFailed
from distilpose.inference import writer
from distilpose.inference.files import predict_files
from distilpose.inference.inputs import InputVideo, find_inputs
from distilpose.inference.journal import NAME, Journal
from tests.engine import tiny
from tests.inference import videos


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a config and a checkpoint."""
    folder = tmp_path_factory.mktemp('tiny')
    config = tiny.write_config(folder / 'student.py', tiny.write_data(folder / 'data'))
    torch.manual_seed(0)
    model = load_model(config)
    torch.nn.init.constant_(model.head.fc.bias, 0.5)
    torch.save(dict(state_dict=model.state_dict()), folder / 'student.pth')
    return folder


@pytest.fixture(scope='module')
def model(folder: Path) -> Any:
    return load_model(folder / 'student.py', folder / 'student.pth')


def named(out: Path) -> dict[str, Any]:
    return json.loads((out / 'images.json').read_text())


def test_videos_are_predicted_frame_by_frame(model: Any, folder: Path, tmp_path: Path) -> None:
    video = videos.write(tmp_path / 'clip.avi', 10, 'MJPG')
    inputs = [video, folder / 'data/images/001.png']
    summary = predict_files(model, inputs, out=tmp_path / 'out', every=3, draw=True, format='openpose', batch_size=3)
    assert (summary.images, summary.failed, summary.notes) == (5, {}, {})
    assert [one['file_name'] for one in named(tmp_path / 'out')['images']] == [
        *(f'clip.avi/{number:06}' for number in (0, 3, 6, 9)), '001.png']
    assert (tmp_path / 'out/openpose/clip/000009_keypoints.json').is_file()
    frames = videos.read(tmp_path / 'out/pictures/clip.mp4')
    assert len(frames) == 4 and frames[0].shape == (80, 60, 3)
    assert np.median(frames[0]) < np.median(frames[2]) < np.median(frames[3])
    assert (tmp_path / 'out/pictures/001.jpg').is_file()
    assert not [*(tmp_path / 'out').rglob('*.part*'), *(tmp_path / 'out').glob(NAME)]


def numbers(video: Path) -> tuple[list[int], list[int], list[str]]:
    """Those of the frames that can be read, of those that cannot, and what is said at the end."""
    one = find_inputs([video])[0]
    assert isinstance(one, InputVideo)
    frames = [(int(frame.path.name), frame.pixels is not None) for frame in one.read()]
    return [number for number, good in frames if good], [number for number, good in frames if not good], one.notes


def test_damaged_frames_are_counted_and_named(model: Any, tmp_path: Path) -> None:
    video = videos.damage(videos.write(tmp_path / 'clip.mp4', 40), 0.3, 0.6, size=6000)
    good, broken, notes = numbers(video)
    assert broken and max(broken) < max(good) and sorted(good + broken) == list(range(40)) and not notes
    summary = predict_files(model, [video], out=tmp_path / 'out', draw=True)
    assert summary.images == len(good) == len(videos.read(tmp_path / 'out/pictures/clip.mp4'))
    assert list(summary.failed) == [f'clip.mp4/{number:06}' for number in broken]
    assert list(named(tmp_path / 'out')['failed']) == list(summary.failed)
    assert 'the frame cannot be decoded' in summary.describe()


@pytest.mark.parametrize('share', [0.3, 0.6])
def test_a_cut_video_has_its_first_frames(share: float, model: Any, tmp_path: Path) -> None:
    video = videos.write(tmp_path / 'clip.avi', 40, 'MJPG')
    video.write_bytes(video.read_bytes()[:int(share * video.stat().st_size)])
    good, broken, notes = numbers(video)
    assert good == list(range(len(good))) and 0.4 * share < len(good) / 40 < 1.1 * share and not broken
    assert f'{len(good)} of the 40 frames that the file announces are there' in notes[0]
    summary = predict_files(model, [video], out=tmp_path / 'out')
    assert summary.images == len(good) and 'clip.avi: ' in summary.describe() and 'cut off' in summary.describe()
    assert named(tmp_path / 'out')['notes'] == summary.notes != {}


def test_missing_frames_are_named_by_their_times(tmp_path: Path) -> None:
    good, _, notes = numbers(videos.damage(videos.write(tmp_path / 'clip.mkv', 40), 0.4, size=6000))
    assert len(good) < 40 and 'missing: ' in notes[0] and ' after frame ' in notes[0]


@pytest.mark.parametrize(('count', 'notes'), [(3, 0), (-5, 0), (100000, 1), (1 << 62, 0)])
def test_a_wrong_number_of_frames_in_the_header_is_survived(count: int, notes: int, model: Any, tmp_path: Path,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    video = videos.write(tmp_path / 'clip.mp4', 8)

    class Wrong:
        def __init__(self, source: Any) -> None:
            self.capture = original(source)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.capture, name)

        def get(self, prop: int) -> float:
            return count if prop == cv2.CAP_PROP_FRAME_COUNT else self.capture.get(prop)

    original = cv2.VideoCapture
    monkeypatch.setattr(cv2, 'VideoCapture', Wrong)
    summary = predict_files(model, [video], out=tmp_path / 'out')
    assert (summary.images, summary.failed, len(summary.notes)) == (8, {}, notes)


@pytest.mark.parametrize('content', [b'broken', b'', b'<html></html>'])
def test_a_video_without_frames_is_a_sentence(content: bytes, model: Any, tmp_path: Path) -> None:
    (tmp_path / 'broken.mp4').write_bytes(content)
    with pytest.raises(DistilPoseError, match=r'broken\.mp4 cannot be opened or has no frame'):
        predict_files(model, [tmp_path / 'broken.mp4'], out=tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_videos_in_a_folder_are_found(tmp_path: Path) -> None:
    videos.write(tmp_path / 'b.mp4', 2)
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((9, 9, 3), np.uint8))
    assert [item.name for item in find_inputs([tmp_path])] == ['a.png', 'b.mp4']


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> type[videos.Camera]:
    class Mine(videos.Camera):
        pass

    monkeypatch.setattr(cv2, 'VideoCapture', Mine)
    return Mine


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_camera_is_predicted_until_it_is_stopped(number: int, model: Any, camera: Any, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    main = threading.main_thread().ident or 0
    camera.on_frame = lambda count: signal.pthread_kill(main, number) if count == 20 else time.sleep(0.01)
    summary = predict_files(model, ['camera:0'], out=tmp_path / 'out', draw=True, batch_size=4)
    assert 18 <= summary.images <= 22 and summary.people == summary.images and not summary.failed
    assert named(tmp_path / 'out')['finished'] and not (tmp_path / 'out' / NAME).exists()
    assert named(tmp_path / 'out')['images'][0]['file_name'] == 'camera:0/000000'
    assert len(json.loads((tmp_path / 'out/results.json').read_text())) == summary.images
    assert len(videos.read(tmp_path / 'out/pictures/camera_0.mp4')) == summary.images
    assert before == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))


def test_a_camera_may_be_gone(model: Any, camera: Any, tmp_path: Path) -> None:
    camera.frames = 7
    assert predict_files(model, [0], out=tmp_path / 'out').images == 7


@pytest.mark.parametrize(('inputs', 'options', 'words'), [
    (['1'], {}, 'camera 1 cannot be opened'), (['0', 'camera:0'], dict(resume=True), 'earlier frames are gone'),
    (['0', 'clip.mp4'], {}, 'camera alone'), (['0'], dict(boxes='boxes.json'), 'has no boxes for its frames')])
def test_what_a_camera_cannot_do_is_a_sentence(inputs: list[str], options: dict[str, Any], words: str, model: Any,
                                               camera: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    videos.write(tmp_path / 'clip.mp4', 2)
    Path('boxes.json').write_text('{"a.jpg": []}')
    with pytest.raises(DistilPoseError, match=words):
        predict_files(model, inputs, out=tmp_path / 'out', **options)


def test_a_file_called_0_is_no_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cv2.imwrite('0.png', np.zeros((9, 9, 3), np.uint8))
    Path('0.png').rename('0')
    assert find_inputs(['0'])[0].name == '0'


def contents(out: Path) -> dict[str, bytes]:
    return {str(file.relative_to(out)): file.read_bytes() for file in sorted(out.rglob('*')) if file.is_file()}


def assert_same(found: Path, expected: Path) -> None:
    """The same files, and numbers to rounding: after a resume, batches are of other images, and so of other sizes."""
    one, other = contents(found), contents(expected)
    results = [json.loads(files.pop('results.json')) for files in (one, other)]
    assert one == other
    assert [[(key, entry[key]) for key in sorted(entry) if key != 'keypoints'] for entry in results[0]] == [
        [(key, entry[key]) for key in sorted(entry) if key != 'keypoints'] for entry in results[1]]
    np.testing.assert_allclose(*([entry['keypoints'] for entry in entries] for entries in results), atol=1e-3)


def stopping(after: int) -> Callable[[np.ndarray], np.ndarray]:
    left = iter(range(after))

    def detect(image: np.ndarray) -> np.ndarray:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return np.array([[5, 5, 50, 70, 0.5]] * (int(image[0, 0, 0]) % 3))

    return detect


@pytest.mark.parametrize('draw', [True, False])
@pytest.mark.parametrize('format', ['coco', 'openpose', 'mmpose'])
def test_a_resumed_run_is_equal_to_one_of_one_piece(format: str, draw: bool, model: Any, folder: Path,
                                                    tmp_path: Path) -> None:
    """Stopped within images, within a damaged video, and in the video behind it."""
    (tmp_path / 'in').mkdir()
    videos.damage(videos.write(tmp_path / 'in/b.mp4', 40), 0.3, size=1000)
    videos.write(tmp_path / 'in/c.mp4', 9)
    (tmp_path / 'in/a.png').write_bytes(b'')
    inputs = [*(folder / 'data' / 'images' / f'00{number}.png' for number in range(1, 6)), tmp_path / 'in']
    options: dict[str, Any] = dict(format=format, draw=draw, every=2, threads=1, batch_size=1)
    predict_files(model, inputs, out=tmp_path / 'whole', detector=stopping(1000), **options)
    out = tmp_path / 'out'
    for after in (3, 9, 13):
        with pytest.raises(KeyboardInterrupt):
            predict_files(model, inputs, out=out, detector=stopping(after), resume=True, **options)
        assert not named(out)['finished'] and (out / NAME).is_file() and not list(out.rglob('*.part*'))
    with (out / NAME).open('ab') as stream:
        stream.write(b'{"item": "cut')
    predict_files(model, inputs, out=out, detector=stopping(1000), resume=True, **options)
    assert contents(out) == contents(tmp_path / 'whole')


@pytest.mark.parametrize('is_written', [True, False])
def test_a_signal_while_the_journal_is_written(is_written: bool, model: Any, tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    """Before or after the line is there."""
    inputs, options = [videos.write(tmp_path / 'clip.mp4', 30)], dict(draw=True, batch_size=4)
    predict_files(model, inputs, out=tmp_path / 'whole', **options)
    add = Journal.add

    def interrupted(journal: Journal, entry: Any) -> None:
        if is_written or journal.position.images != 7:
            add(journal, entry)
        if journal.position.images == 7:
            raise KeyboardInterrupt

    monkeypatch.setattr(Journal, 'add', interrupted)
    with pytest.raises(KeyboardInterrupt):
        predict_files(model, inputs, out=tmp_path / 'out', **options)
    monkeypatch.undo()
    predict_files(model, inputs, out=tmp_path / 'out', resume=True, **options)
    assert_same(tmp_path / 'out', tmp_path / 'whole')


def test_only_the_same_run_is_resumed(model: Any, folder: Path, tmp_path: Path) -> None:
    images, options = folder / 'data' / 'images', dict(threads=1, batch_size=1)
    with pytest.raises(KeyboardInterrupt):
        predict_files(model, [images], out=tmp_path, detector=stopping(5), **options)
    for changed, words in ((dict(every=2), 'every'), (dict(format='openpose'), 'format')):
        with pytest.raises(DistilPoseError, match=f'not of the same {words}'):
            predict_files(model, [images], out=tmp_path, detector=stopping(1), resume=True, **changed)
    with pytest.raises(DistilPoseError, match='not of the same inputs'):
        predict_files(model, [images / '001.png'], out=tmp_path, detector=stopping(1), resume=True)
    with pytest.raises(DistilPoseError, match=r'same precision \(it predicted in float32, .* take --fast float32\)'):
        predict_files(model, [images], out=tmp_path, detector=stopping(1), resume=True, fast='bfloat16', **options)
    other = load_model(folder / 'student.py')
    with pytest.raises(DistilPoseError, match='not of the same model'):
        predict_files(other, [images], out=tmp_path, detector=stopping(1), resume=True)
    assert predict_files(model, [images], out=tmp_path, detector=stopping(20), **options).images == 12


def test_the_journal_is_written_as_it_goes_and_stays_after_a_failure(model: Any, folder: Path, tmp_path: Path,
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    full, count = writer.write_atomically, 0

    def write(file: Path, text: str) -> None:
        nonlocal count
        count += 1
        if count > 6:
            raise RunFailed('the disk is full')
        full(file, text)

    monkeypatch.setattr(writer, 'write_atomically', write)
    inputs, options = [folder / 'data' / 'images'], dict(out=tmp_path / 'out', format='mmpose', threads=1, batch_size=1)
    with pytest.raises(RunFailed, match='disk is full'):
        predict_files(model, inputs, **options)
    assert len((tmp_path / 'out' / NAME).read_text().splitlines()) == 7
    monkeypatch.undo()
    assert predict_files(model, inputs, resume=True, **options).images == 12


@pytest.mark.slow
def test_a_killed_run_is_resumed(folder: Path, tmp_path: Path) -> None:
    """The whole command, with SIGKILL in the middle of a video, drawn."""
    video = videos.write(tmp_path / 'clip.mp4', 600)

    def command(out: str) -> list[str]:
        return [sys.executable, 'tools/predict.py', str(folder / 'student.py'), str(folder / 'student.pth'), str(video),
                '--whole-image', '--draw', '--batch-size', '4', '--out', str(tmp_path / out)]

    subprocess.run(command('whole'), cwd=tiny.PROJECT, check=True, capture_output=True)
    journal = tmp_path / 'out' / NAME
    with subprocess.Popen([*command('out'), '--resume'], cwd=tiny.PROJECT, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not (journal.is_file() and journal.read_bytes().count(b'\n') > 60):
            time.sleep(0.02)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert [file.name for file in (tmp_path / 'out').iterdir() if file.name.startswith('results')] == []
    assert not (tmp_path / 'out/pictures/clip.mp4').exists()
    subprocess.run([*command('out'), '--resume'], cwd=tiny.PROJECT, check=True, capture_output=True)
    assert_same(tmp_path / 'out', tmp_path / 'whole')


_MEMORY = """
import resource, sys
from distilpose.apis import load_model
from distilpose.inference.files import predict_files
import numpy as np
model = load_model(sys.argv[1])
people = iter([np.array([[5, 5, 50, 70]])])
predict_files(model, [sys.argv[2]], out=sys.argv[3], detector=lambda image: next(people, np.zeros((0, 5))), threads=1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_a_video(folder: Path, tmp_path: Path) -> None:
    """Of one person on the first frame, with whom a batch is never full."""
    used = []
    for count in (100, 6000):
        video = videos.write(tmp_path / f'{count}.mp4', count)
        done = subprocess.run([sys.executable, '-c', _MEMORY, str(folder / 'student.py'), str(video),
                               str(tmp_path / f'{count}')], cwd=tiny.PROJECT, check=True, capture_output=True,
                              text=True, env=dict(os.environ, PYTHONPATH=str(tiny.PROJECT)))
        used.append(int(done.stdout.split()[-1]) / 1024)
    assert used[1] - used[0] < 25  # MB; 6000 frames are 86
