"""docs/unlabelled.md: its commands run from the first to the last, with small files under the names that it uses."""

from __future__ import annotations

import glob
import json
import re
import shlex
import shutil
from pathlib import Path

import cv2
import pytest

from distilpose.apis import load_model, predict
from distilpose_cli.console import main
from tests.datasets.videos import write_video
from tests.engine.tiny import PROJECT, write_config, write_data
from tests.inference.test_detector import suppressed
from tests.onnx_files import write_heatmaps

pytest.importorskip('onnxruntime')

PAGE = (PROJECT / 'docs' / 'unlabelled.md').read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf'^```{language}\n(.*?)^```$', PAGE, re.DOTALL | re.MULTILINE)


COMMANDS = [line for block in blocks('bash') for line in block.replace('\\\n', ' ').splitlines()]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with every file that the page names; the student's own data is not on this machine."""
    images = write_data(tmp_path / 'data') / 'images'
    for folder in ('pictures', 'new_pictures'):
        (tmp_path / folder).mkdir()
        for file in images.iterdir():  # large enough for the boxes of the detector
            cv2.imwrite(str(tmp_path / folder / file.name), cv2.resize(cv2.imread(str(file)), (240, 320)))
    shutil.rmtree(tmp_path / 'data')
    write_config(tmp_path / 'student.py', tmp_path / 'data', epochs=1)
    write_heatmaps(tmp_path / 'movenet_thunder.onnx', size=(256, 256))
    suppressed(tmp_path, 'yolox.onnx')
    write_video(tmp_path / 'clips' / 'clip.avi', count=25)
    names = sorted(path.name for path in (tmp_path / 'pictures').iterdir())
    (tmp_path / 'boxes.json').write_text(json.dumps({name: [[2, 2, 50, 60]] for name in names}))
    (labelled,) = (block for block in blocks('python') if block.startswith('# labelled.py'))
    (tmp_path / 'labelled.py').write_text(labelled)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('mmengine.config.config.FormatCode', lambda text, **_: (text, True))
    return tmp_path


@pytest.mark.slow
def test_the_commands_of_the_page_lead_from_pictures_to_a_student_that_runs(here: Path) -> None:
    assert len(COMMANDS) >= 9
    for line in COMMANDS:
        program, *words = shlex.split(line, comments=True)
        words = [file for word in words for file in (sorted(glob.glob(word)) if '*' in word else [word])]
        assert program == 'distilpose' and main(words) == 0, line
    assert len(list(Path('run').glob('best_agreement_PCK_*.pth'))) == 1
    assert 'Validation is agreement with the teacher on 2 people' in next(Path('run').glob('*/*.log')).read_text()
    assert len(json.loads(Path('predictions/results.json').read_text())) == 12
    assert len(list(Path('predictions/pictures').iterdir())) == 12
    assert predict(load_model('student.onnx'), 'new_pictures/001.png').keypoints.shape == (1, 17, 2)
    labels = json.loads(Path('labels.json').read_text())
    assert len(labels['annotations']) == 12 and all(person['num_keypoints'] == 17 for person in labels['annotations'])
    assert len(json.loads(Path('people.json').read_text())['annotations']) == 24
    frames = [image['file_name'] for image in json.loads(Path('clips.json').read_text())['images']]
    assert frames == [f'clip.avi/{number:06}.jpg' for number in range(0, 25, 5)]
