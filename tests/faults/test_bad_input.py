"""Kinds of bad input: the sentence, the exit code, and that nothing is left behind; all in one process."""

from __future__ import annotations

import inspect
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from distilpose.config.models import build_estimator
from distilpose.engine import read_config
from distilpose_cli.console import main
from tests.engine import tiny
from tests.engine.conftest import tiny_data, unformatted_configs

__all__ = ['tiny_data', 'unformatted_configs']
Case = tuple[str, str]
"""A command, in which names of files are those of :func:`make_files`, and words of the sentence."""


@pytest.fixture(scope='module')
def files(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files, most of them broken, which no test may change."""
    return make_files(tmp_path_factory.mktemp('files'), tiny_data)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of temporary files, such as those of tracebacks."""
    (tmp_path / 'temporary').mkdir()
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path / 'temporary'))


def make_files(folder: Path, data: Path) -> Path:
    config = tiny.write_config(folder / 'good.py', data, epochs=1)
    weights = build_estimator(read_config(config).model.to_dict()).state_dict()
    checkpoints: dict[str, Any] = {
        'good': dict(state_dict=weights), 'optimizer': dict(optimizer={}), 'list': [1, 2], 'tensor': torch.zeros(3),
        'other': {f'other.{name}': value for name, value in weights.items()},
        'shapes': {name: value[..., :1] if value.dim() else value for name, value in weights.items()}}
    for name, content in checkpoints.items():
        torch.save(content, folder / f'{name}.pth')
    torch.jit.script(nn_linear()).save(str(folder / 'script.pth'))
    whole = (folder / 'good.pth').read_bytes()
    contents: dict[str, bytes | str] = {
        'empty.pth': '', 'page.pth': '<!DOCTYPE html><html>404</html>', 'cut.pth': whole[:len(whole) // 2],
        'text.jpg': 'text', 'empty.jpg': '', 'video.mp4': bytes(2000), 'bad.onnx': 'text', 'file': '',
        'cut.json': '[1,', 'latin.json': b'{"a": "\xe9"}', 'none.json': '{}',
        'negative.json': json.dumps({'001.png': [[1, 1, -20, 20]]})}
    for name, text in contents.items():
        (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    with zipfile.ZipFile(folder / 'archive.pth', 'w') as archive:
        archive.writestr('a.txt', '')
    (folder / 'folder').mkdir()
    (folder / 'images').symlink_to(data / 'images')
    (folder / 'people.json').symlink_to(data / 'annotations' / 'people.json')
    return folder


def nn_linear() -> torch.nn.Module:
    return torch.nn.Linear(2, 2)


def end(command: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit code and the last line of a command whose files are in a folder."""
    try:
        code = main(command.split())
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    own = [line for line in lines if line.startswith('distilpose')]
    assert own == lines[-1:], 'one line, and it is the last'
    return code, own[0]


PREDICT = 'predict good.py {} images --whole-image --out out'
OPTION = 'train good.py --work-dir out --cfg-options '
OF_FILES: list[Case] = [
    # Commands and their options
    ('trian good.py', "there is no command 'trian'; did you mean train?"),
    ('train nothing.py --work-dir out', 'no config nothing.py (looked from'),
    ('train good.pth --work-dir out', 'good.pth is a file of weights, and a config was expected'),
    ('train folder --work-dir out', 'folder is a folder without config.json'),
    ('train good.py --work-dir file', 'is a file, and a folder was expected; name another --work-dir'),
    ('train good.py --work-dir out --resume', 'there is nothing to resume from'),
    ('train good.py --work-dir out --resume page.pth', 'it is a web page'),
    ('train good.py --work-dir out --resume good.pth', 'it is not a checkpoint of a training'),
    ('train good.py --work-dir out --seed -1', 'the seed is -1; it must be a whole number'),
    ('train good.py --work-dir out --data-root nothing', 'nothing (looked from'),
    ('train good.py --work-dir out --launcher pytorch', 'needs the variables RANK, LOCAL_RANK, WORLD_SIZE'),
    ('train good.py --work-dir out --method fpd', '--method of a distillation, and no teacher is named'),
    ('train good.py --work-dir out --teacher nothing', 'there is no teacher nothing'),
    ('train good.py --work-dir out --teacher good.pth', 'is a checkpoint of an unknown network'),
    ('train good.py --work-dir out --teacher bad.onnx', 'bad.onnx is no ONNX graph'),
    ('train good.py --work-dir out --teacher good.py', 'is a config without weights of the teacher'),
    (f'{OPTION}load_from=nothing.pth', 'there is no checkpoint'),
    (f'{OPTION}optim_wraper.optimizer.lr=1', "did you mean 'optim_wrapper'"),
    # Checkpoints
    (PREDICT.format('nothing.pth'), 'The checkpoint nothing.pth does not exist'),
    (PREDICT.format('folder'), 'folder is no checkpoint: it is a folder'),
    (PREDICT.format('empty.pth'), 'it is an empty file; download or copy it again'),
    (PREDICT.format('page.pth'), 'it is a web page'),
    (PREDICT.format('cut.pth'), 'it is cut short, damaged or no checkpoint at all'),
    (PREDICT.format('archive.pth'), "it is a zip archive of 'a.txt'"),
    (PREDICT.format('script.pth'), 'it is a TorchScript model, which is a program'),
    (PREDICT.format('list.pth'), 'a dictionary was expected, and it holds a list'),
    (PREDICT.format('tensor.pth'), 'a dictionary was expected, and it holds a Tensor'),
    (PREDICT.format('optimizer.pth'), 'optimizer.pth holds no weights'),
    (PREDICT.format('other.pth'), 'does not fit TopdownPoseEstimator: '),
    (PREDICT.format('shapes.pth'), 'have another shape: '),
    (PREDICT.format('bad.onnx'), 'bad.onnx is no ONNX graph'),
    ('test good.py page.pth --work-dir out', 'it is a web page'),
    ('test good.py good.pth --work-dir out --out folder', 'folder is a folder, and a file was expected'),
    ('test good.py good.pth --work-dir out --dump a.txt', '--dump writes a pickle file'),
    ('convert --config good.py page.pth out', 'it is a web page'),
    ('convert --config good.py good.pth good.pth', 'are the same file, and the source is not overwritten'),
    ('transfer optimizer.pth out', 'optimizer.pth holds no weights'),
    # Images, videos and boxes
    ('predict good.py good.pth nothing.jpg --whole-image --out out', 'there are no images or videos nothing.jpg'),
    ('predict good.py good.pth folder --whole-image --out out', 'the folder folder has no images or videos'),
    ('predict good.py good.pth video.mp4 --whole-image --out out', 'cannot be opened or has no frame'),
    ('predict good.py good.pth images --boxes nothing.json --out out', '--boxes nothing.json does not exist'),
    ('predict good.py good.pth images --boxes cut.json --out out', 'cut.json are not JSON'),
    ('predict good.py good.pth images --boxes latin.json --out out', "'utf-8' codec can't decode byte 0xe9"),
    ('predict good.py good.pth images --boxes none.json --out out', 'name none of the 12 images'),
    ('predict good.py good.pth images --boxes negative.json --out out', 'width and height above 0'),
    ('predict good.py good.pth images --detector bad.onnx --out out', 'bad.onnx is no ONNX graph'),
    ('predict good.py good.pth images --whole-image --out file', 'is a file, and a folder was expected'),
    ('predict good.py good.pth images --whole-image --out out --device gpu', "the device 'gpu' cannot be used here"),
    ('predict good.py good.pth images --whole-image --out out --batch-size 0', '--batch-size 0 is none'),
    ('predict good.py good.pth --whole-image --out out', 'needs a checkpoint and images'),
    ('label good.py good.pth images --whole-image --out cut.json', 'exists, and labels are not overwritten'),
    ('label good.py good.pth images --whole-image --out out.json --threshold nan', 'expected a score from 0 to 1'),
    # The others
    ('export good.py good.pth out.txt', 'its name does not end in .onnx'),
    ('export good.py good.pth out.onnx --data-root nothing', '--data-root nothing is no folder'),
    ('flops good.py --shape 0 -3', 'both must be positive'),
    ('flops good.py --shape 3 3', 'the model cannot take an image of 3x3'),
    ('synthesize out --images 0', 'images is 0; expected at least 2'),
    ('init cut.json --out out.py', 'cut.json is not JSON: it is cut off after 3 bytes'),
    ('init latin.json --out out.py', 'its bytes are no text in UTF-8'),
    ('init people.json --names a b --out out.py', '--names has 2 keypoints, and annotations have 17'),
    ('init people.json --student hrnet --out out.py', "--student is 'hrnet'; expected small, resnet50"),
    ('init people.json --out out.txt', '--out is out.txt; expected the name of a config'),
    ('compare --model a nothing.py', 'no config nothing.py'),
    ('compare --model a good.py --model a good.py', "the name 'a' is given to two models"),
    ('quickstart --images 0 --work-dir out', 'there must be at least 8 images'),
    ('check good.py --browse 0', '--browse 0 is a number of people'),
]


@pytest.mark.parametrize(('command', 'words'), OF_FILES, ids=[command for command, _ in OF_FILES])
def test_files_and_options(command: str, words: str, files: Path, monkeypatch: pytest.MonkeyPatch,
                           capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(files)
    before = {file: file.stat().st_mtime_ns for file in files.rglob('*')}
    code, line = end(command, files, capsys)
    assert code == 2 and words in line, line
    assert not (files / 'out').is_dir() or not [file for file in (files / 'out').rglob('*') if file.is_file()]
    left = {file: file.stat().st_mtime_ns for file in files.rglob('*') if file.is_file()}
    assert left == {file: time for file, time in before.items() if file.is_file()}


CONFIGS: dict[str, tuple[str | bytes, str]] = {
    'empty': ('', 'defines no model'),
    'syntax': ('model = dict(', 'SyntaxError'),
    'a name that is not defined': ('model = dict(type=Foo)', "NameError: name 'Foo' is not defined"),
    'a package that is not installed': ('import not_installed', "No module named 'not_installed'"),
    'custom_imports': ("custom_imports = dict(imports=['not_installed'], allow_failed_imports=False)",
                       'not_installed'),
    'a base that is missing': ("_base_ = 'nothing.py'", 'nothing.py'),
    'an end of its own': ('raise SystemExit(3)', 'cannot be read: SystemExit: 3'),
    'bytes': (bytes(range(256)), 'cannot be read'),
    'Latin-1': ('a = "\xe9"'.encode('latin1'), 'cannot be read: '),
    'a web page': ('<!DOCTYPE html>', 'cannot be read: SyntaxError'),
    'lazy with a base that is missing': (
        'from mmengine.config import read_base\nwith read_base():\n    from .nothing import *', 'cannot be read: '),
    'a model that is a list': ('model = [1]', 'model'),
    'only a model': ("model = dict(type='TopdownPoseEstimator')", 'cannot be trained: it has no train_dataloader'),
}


@pytest.mark.parametrize('kind', CONFIGS)
def test_config_files(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                      capsys: pytest.CaptureFixture[str]) -> None:
    content, words = CONFIGS[kind]
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'config.py').write_bytes(content.encode() if isinstance(content, str) else content)
    code, line = end('train config.py --work-dir out', tmp_path, capsys)
    assert code == 2 and words in line, line
    assert not (tmp_path / 'out').exists()


def test_a_config_that_is_its_own_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                       capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'config.py').write_text("_base_ = './config.py'")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 120)
    try:
        code, line = end('train config.py --work-dir out', tmp_path, capsys)
    finally:
        sys.setrecursionlimit(limit)
    assert code == 2 and 'RecursionError: a _base_ of it leads back to it' in line, line


LINES: dict[str, tuple[str, str]] = {
    'model': ("model['type'] = 'TopdownPoseEstimater'", 'TopdownPoseEstimator'),
    'backbone': ("model['backbone']['type'] = 'TinyBakbone'", 'TinyBackbone'),
    'no type': ("model['backbone'].pop('type')", 'model.backbone'),
    'key of the backbone': ("model['backbone']['widht'] = 16", "did you mean 'width'"),
    'loss': ("model['head']['loss']['type'] = 'SmothL1Loss'", 'SmoothL1Loss'),
    'codec': ("model['head']['decoder'] = dict(type='RegresionLabel')", 'RegressionLabel'),
    'argument that is missing': ("model['head'].pop('in_channels')", 'in_channels'),
    'value': ("model['backbone'] = dict(type='ResNet', depth=19)", 'depth'),
    'transform': ("train_dataloader['dataset']['pipeline'][3]['type'] = 'RandomBBoxTransfrom'", 'RandomBBoxTransform'),
    'key of a transform': ("train_dataloader['dataset']['pipeline'][3]['scale_facter'] = 1", "mean 'scale_factor'"),
    'pipeline without PackPoseInputs': ("train_dataloader['dataset']['pipeline'].pop()", 'expected PackPoseInputs'),
    'target before the crop': (
        "p = train_dataloader['dataset']['pipeline']\np[4], p[5] = p[5], p[4]", 'TopdownAffine comes after it'),
    'width and height': ("train_dataloader['dataset']['pipeline'][4]['input_size'] = (64, 48)", 'must be equal'),
    'bottom-up data': ("train_dataloader['dataset']['data_mode'] = 'bottomup'", "set it to 'topdown'"),
    'data set': ("train_dataloader['dataset']['type'] = 'CocoDatset'", 'CocoDataset'),
    'metric': ("val_evaluator['type'] = 'CocoMetrik'", 'CocoMetric'),
    'metric of another data set': ("val_evaluator['type'] = 'CocoWholeBodyMetric'", '133'),
    'key of a hook': ("default_hooks['chekpoint'] = dict(type='CheckpointHook')", "did you mean 'checkpoint'"),
    'no metric': ('val_evaluator = []', 'nothing would be measured'),
    'hook': ("custom_hooks = [dict(type='EMAHok')]", 'EMAHook'),
    'optimizer': ("optim_wrapper['optimizer']['type'] = 'Adma'", 'Adma'),
    'schedule': ("param_scheduler = [dict(type='LinerLR', start_factor=0.1)]", 'LinearLR'),
    'keypoints of the head': ("model['head']['num_joints'] = 5", '17'),
    'teacher without a distiller': ("model['teacher'] = dict(config='x')", 'teacher'),
}


@pytest.mark.parametrize('kind', LINES)
def test_entries_of_a_config(kind: str, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                             capsys: pytest.CaptureFixture[str]) -> None:
    line, words = LINES[kind]
    monkeypatch.chdir(tmp_path)
    tiny.write_config(tmp_path / 'config.py', tiny_data, epochs=1, extra=f'{line}\n')
    code, sentence = end('train config.py --work-dir out', tmp_path, capsys)
    assert code == 2 and words in sentence and 'not a known cause' not in sentence, sentence
    assert not list((tmp_path / 'out').rglob('*.pth'))


@pytest.mark.parametrize('name', ['text.jpg', 'empty.jpg'])
def test_images_that_cannot_be_decoded_are_counted(name: str, files: Path, tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch,
                                                   capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(files)
    code, line = end(f'predict good.py good.pth {name} --whole-image --out {tmp_path}/out', files, capsys)
    assert code == 1 and 'none of the 1 images could be predicted' in line and name in line


def test_there_are_enough_kinds() -> None:
    assert len(OF_FILES) + len(CONFIGS) + len(LINES) > 90


