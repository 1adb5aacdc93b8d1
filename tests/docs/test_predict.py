"""docs/predict.md: every command and program runs, with small files in the place of those that it names."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from distilpose.apis import load_model
from distilpose.inference.results import FORMATS
from distilpose_cli.console import main
from tests.engine.tiny import PROJECT, write_config, write_data
from tests.inference import test_detector, videos
from tests.onnx_files import write_heatmaps

pytest.importorskip('onnxruntime')

PAGE = (PROJECT / 'docs' / 'predict.md').read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf'^```{language}\n(.*?)^```$', PAGE, re.DOTALL | re.MULTILINE)


COMMANDS = [line for block in blocks('bash') for line in block.splitlines()]


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds every file that the page names."""
    folder = tmp_path_factory.mktemp('page')
    data = write_data(folder / 'data')
    config = write_config(folder / 'student.py', data)
    torch.save(dict(state_dict=load_model(config).state_dict()), folder / 'student.pth')
    shutil.copytree(data / 'images', folder / 'pictures')
    for name in ('a.jpg', 'b.png'):
        cv2.imwrite(str(folder / name), np.full((90, 60, 3), 80, np.uint8))
    names = sorted(path.name for path in (folder / 'pictures').iterdir())
    (folder / 'boxes.json').write_text(json.dumps({name: [[2, 2, 50, 60]] for name in names}))
    (folder / 'detections.json').write_text(json.dumps([dict(image_id=1, category_id=1, bbox=[2, 2, 50, 60], score=1)]))
    shutil.copy(data / 'annotations/people.json', folder / 'annotations.json')
    write_heatmaps(folder / 'movenet_thunder.onnx', size=(256, 256))
    for name in ('yolox.onnx', 'detector.onnx'):
        test_detector.suppressed(folder, name)
    videos.write(folder / 'clip.mp4', 12)
    return folder


@pytest.fixture
def here(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with these files to work in, and a camera that is unplugged after a few frames."""
    class Camera(videos.Camera):
        frames = 6

    for path in folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cv2, 'VideoCapture', Camera)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize('line', COMMANDS)
def test_a_command_of_the_page_works(line: str, here: Path) -> None:
    program, *words = shlex.split(line, comments=True)
    assert program == 'distilpose' and words[0] == 'predict'
    assert main(words) == 0
    out = here / (words[words.index('--out') + 1] if '--out' in words else 'predictions')
    described = json.loads((out / 'images.json').read_text())
    assert described['finished'] and described['images'] and not described['failed']
    assert (out / 'pictures').is_dir() == ('--draw' in words)


@pytest.mark.parametrize('example', blocks('python'))
def test_a_program_of_the_page_works(example: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(example, {})
    assert capsys.readouterr().out.split('\n')[-3:] == ['(1, 17, 2) (1, 17)', '1 0', '']


def test_the_page_has_commands_and_the_fields_that_are_written(here: Path) -> None:
    assert len(COMMANDS) == 10 and all(f'| `{name}` |' in PAGE for name in FORMATS)
    fields: dict[str, Any] = {}
    for name in FORMATS:
        words = f'predict student.py student.pth pictures --boxes boxes.json --format {name} --out {name}'
        assert main(words.split()) == 0
        file = next(path for path in sorted((here / name).rglob('*.json')) if path.name != 'images.json')
        content = json.loads(file.read_text())
        fields[name] = content['people'][0] if name == 'openpose' else content[0]
    fields['openpose'] = {'version': 0, 'people': 0, 'pose_keypoints_2d': fields['openpose']['pose_keypoints_2d']}
    described = json.loads((here / 'coco/images.json').read_text())
    for entry in (*fields.values(), described, described['images'][0]):
        assert all(f'`{field}`' in PAGE for field in entry)
