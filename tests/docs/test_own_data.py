"""docs/own_data.md: every command runs, one after the other, on 40 drawn cats; fewer epochs, and a smaller teacher."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from distilpose.apis import load_model
from distilpose.config import read_config
from distilpose.distillation.teachers import fetching
from distilpose.distillation.teachers.presets import PRESETS, sha256_of
from distilpose.engine import initial_config
from distilpose_cli.console import main
from tests.cats import NAMES, write_cats
from tests.engine.tiny import PROJECT
from tests.file_server import serve
from tests.onnx_files import write_heatmaps

pytest.importorskip('onnxruntime')

PAGE = (PROJECT / 'docs' / 'own_data.md').read_text()
EPOCHS = dict(alone=20, others=2)


def blocks(language: str) -> list[str]:
    return re.findall(rf'^```{language}\n(.*?)^```$', PAGE, re.DOTALL | re.MULTILINE)


def commands() -> list[list[str]]:
    return [shlex.split(line, comments=True) for block in blocks('bash') for line in block.splitlines()]


def shortened(words: list[str], *, epochs: int) -> list[str]:
    """A command with fewer epochs, and data that is loaded in the same process."""
    words = [re.sub(r'epoch_\d+', f'epoch_{EPOCHS["alone" if "work_dirs/cats/" in word else "others"]}', word)
             for word in words]
    if words[0] not in ('train', 'compare', 'check', 'test') or words[1].endswith('.json'):
        return words
    options = [f'{loader}_dataloader.{key}' for loader in ('val', 'test')
               for key in ('num_workers=0', 'persistent_workers=False')]
    if words[0] != 'test':
        options += ['train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False',
                    f'train_cfg.max_epochs={epochs}', 'default_hooks.checkpoint.interval=1', 'train_cfg.val_interval=1']
    if epochs > 2:
        options += [f'param_scheduler.1.end={epochs}', f'train_cfg.val_interval={epochs}']
    return [*words, *([] if '--cfg-options' in words else ['--cfg-options']), *options]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the cats, and what the page downloads or trains long, in small."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(initial_config.STUDENTS, 'resnet50', initial_config.STUDENTS['small'])
    monkeypatch.setattr('mmengine.config.config.FormatCode', lambda text, **_: (text, True))
    monkeypatch.setattr(fetching, 'project_path', lambda path: tmp_path / path)
    write_cats(tmp_path)
    thunder = tmp_path / 'movenet_thunder.onnx'
    write_heatmaps(thunder, size=(256, 256))
    with serve({thunder.name: thunder.read_bytes()}) as served:
        monkeypatch.setitem(PRESETS, 'movenet-thunder', dataclasses.replace(
            PRESETS['movenet-thunder'], url=f'{served.url}{thunder.name}', sha256=sha256_of(thunder)))
        thunder.unlink()
        yield tmp_path


@pytest.mark.slow
def test_from_pictures_to_a_report(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = commands()
    assert [words[1] for words in found] == ['check', 'init', 'check', 'train', 'test', 'predict', 'init', 'train',
                                             'train', 'check', 'train', 'compare', 'export', 'predict']
    for program, *words in found:
        assert program == 'distilpose'
        is_alone = words[:2] == ['train', 'cats.py'] and '--teacher' not in words
        code = main(shortened(words, epochs=EPOCHS['alone' if is_alone else 'others']))
        assert code == 0, (words, capsys.readouterr().err[-600:])
        if words == ['init', 'cats.json']:
            assert Path('cats.py').read_text() in blocks('python')
        if words[0] == 'test':
            assert _ap(capsys.readouterr().out) > 0.6
    people = json.loads(Path('predictions/results.json').read_text())
    assert len(people) == 8 and all(len(one['keypoints']) == 3 * len(NAMES) for one in people)
    assert len(list(Path('predictions/pictures').iterdir())) == 8
    assert 'left paw' in Path('report/compare.html').read_text()
    assert len(json.loads(Path('predictions_of_onnx/results.json').read_text())) == 40


def _ap(log: str) -> float:
    return float(re.findall(r'coco/AP: ([\d.]+)', log)[-1])


def test_the_page_shows_the_check_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                              capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    write_cats(tmp_path)
    assert commands()[0][1:] == ['check', 'cats.json']
    assert main(commands()[0][1:]) == 0
    said = capsys.readouterr().out.replace(str(tmp_path / 'pictures'), 'pictures')
    assert said in blocks('')

    content = json.loads(Path('cats.json').read_text())
    content['annotations'][4]['bbox'] = None
    content['annotations'][5]['bbox'][2] = 0
    Path('cats.json').write_text(json.dumps(content))
    assert main(commands()[0][1:]) == 2
    said = capsys.readouterr().out
    assert 'the bbox of annotation 5 of cats.json is None' in said and 'left out: box of no size' in said
    assert Path('work_dirs/cats/check/annotations.png').is_file()


@pytest.mark.parametrize('example', [block for block in blocks('python') if 'mmpose::' in block])
def test_configs_of_the_page(example: str, tmp_path: Path) -> None:
    file = tmp_path / 'scissors.py'
    file.write_text(example)
    config = read_config(file)
    assert config.model.head.out_channels == 4
    metainfo: Any = load_model(file, options={'model.backbone.init_cfg': None}).dataset_meta
    assert list(metainfo['flip_indices']) == [0, 1, 3, 2]


def test_the_page_shows_annotations() -> None:
    content = json.loads(blocks('json')[0])
    assert len(content['annotations'][0]['keypoints']) == 21 and content['categories'][0]['keypoints'] == NAMES
