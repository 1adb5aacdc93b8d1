"""What a command line calls a teacher becomes ``model.teacher``, or a sentence."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest

from distilpose.distillation.teachers import resolving
from distilpose.distillation.teachers.presets import PRESETS
from distilpose.distillation.teachers.resolving import resolve_teacher, teacher_name
from distilpose.errors import DistilPoseError

VITPOSE = 'td-hm_ViTPose-base_8xb64-210e_coco-256x192-216eae50_20230314.pth'


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, content: bytes = b'network') -> str:
    Path(name).write_bytes(content)
    return name


def test_an_onnx_file_is_found_from_the_current_directory(here: Path) -> None:
    found = resolve_teacher(write('mine.onnx'))
    assert found.spec == dict(type='OnnxTeacher', file=str(here / 'mine.onnx')) and not found.notes


def test_an_onnx_file_of_a_preset_names_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, notes = resolve_teacher(write('dw-ll_ucoco_384.onnx'))
    assert spec == dict(type='OnnxTeacher', file=str(here / 'dw-ll_ucoco_384.onnx'), preset='dwpose-l-384')
    assert 'is taken for the preset dwpose-l-384 by its name; its SHA-256 is ' in notes[0]


def test_the_file_of_a_preset_is_fetched(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolving, 'fetch', lambda preset: here / preset.file)
    assert resolve_teacher('rtmpose-l').spec == dict(
        type='OnnxTeacher', file=str(here / PRESETS['rtmpose-l'].file), preset='rtmpose-l')
    assert resolve_teacher('vitpose-b.pth').spec == dict(
        config='mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_ViTPose-base_8xb64-210e_coco-256x192.py',
        checkpoint=str(here / VITPOSE))


def test_a_preset_describes_a_file_that_goes_by_another_name(here: Path) -> None:
    spec = resolve_teacher('rtmpose-l', write('renamed.onnx')).spec
    assert spec == dict(type='OnnxTeacher', file=str(here / 'renamed.onnx'), preset='rtmpose-l')


def test_a_published_checkpoint_brings_its_config(here: Path) -> None:
    found = resolve_teacher(write(VITPOSE))
    assert found.spec == dict(config=PRESETS['vitpose-b.pth'].config, checkpoint=str(here / VITPOSE))
    assert 'by its name' in found.notes[0]


def test_another_checkpoint_asks_for_its_config(here: Path) -> None:
    with pytest.raises(DistilPoseError, match='is a checkpoint of an unknown network; name its config '
                       'with --teacher CONFIG --teacher-checkpoint'):
        resolve_teacher(write('mine.pth'))


def test_a_config_needs_weights(here: Path) -> None:
    config = 'configs/body/2d_kpt_sview_rgb_img/tokenpose/coco/teacher_hr48_coco_256x192.py'
    spec = resolve_teacher(config, write('mine.pth')).spec
    assert Path(spec['config']).is_absolute() and spec['config'].endswith(config)
    assert spec['checkpoint'] == str(here / 'mine.pth')
    with pytest.raises(DistilPoseError, match=r'is a config without weights of the teacher; add '
                       r'--teacher-checkpoint FILE$'):
        resolve_teacher(config)
    with pytest.raises(DistilPoseError, match='or take its preset: --teacher vitpose-b.pth'):
        resolve_teacher(str(PRESETS['vitpose-b.pth'].config))
    with pytest.raises(DistilPoseError, match=r'no config missing\.py'):
        resolve_teacher('missing.py')


def test_a_folder_holds_its_weights(here: Path) -> None:
    (here / 'vitpose').mkdir()
    assert resolve_teacher('vitpose').spec == dict(config=str(here / 'vitpose'))


def test_what_is_not_there_suggests_presets(here: Path) -> None:
    with pytest.raises(DistilPoseError, match=r'there is no teacher rtmpos-l \(looked from .*\); did you mean the '
                       'preset rtmpose-l or'):
        resolve_teacher('rtmpos-l')
    with pytest.raises(DistilPoseError, match='expected an ONNX file, a config'):
        resolve_teacher('????')
    with pytest.raises(DistilPoseError, match='there is no --teacher-checkpoint missing.pth'):
        resolve_teacher('mine.py', 'missing.pth')
    with pytest.raises(DistilPoseError, match='is an ONNX file, which holds its weights; leave it out'):
        resolve_teacher(write('mine.onnx'), write('mine.pth'))


def test_a_file_at_hand_goes_before_a_preset_and_content_before_a_name(here: Path,
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    known = dataclasses.replace(PRESETS['rtmpose-l'], sha256=hashlib.sha256(b'network').hexdigest())
    monkeypatch.setitem(PRESETS, 'rtmpose-l', known)
    assert resolve_teacher(write('dw-ll_ucoco_384.onnx')).spec['preset'] == 'rtmpose-l'


@pytest.mark.parametrize(('word', 'name'), [
    ('/a/dw-ll_ucoco_384.onnx', 'dw_ll_ucoco_384'), ('rtmpose-l', 'rtmpose_l'), ('rtmpose-l.pth', 'rtmpose_l_pth'),
    ('mmpose::a/td-hm_res50.py', 'td_hm_res50'), ('folder/vitpose base/', 'vitpose_base')])
def test_a_name_serves_for_a_file(word: str, name: str) -> None:
    assert teacher_name(word) == name


@pytest.mark.parametrize(('word', 'sentence'), [
    ('', '--teacher is empty; expected an ONNX file'), (' ', '--teacher is empty'),
    ('photo.png', '--teacher photo.png is a file of another kind; expected an ONNX file')])
def test_what_is_no_teacher_at_all(word: str, sentence: str) -> None:
    write('photo.png')
    with pytest.raises(DistilPoseError, match=sentence):
        resolve_teacher(word)


def test_a_folder_holds_no_weights_of_a_config(here: Path) -> None:
    with pytest.raises(DistilPoseError, match=r'--teacher-checkpoint \S+ is a folder, and a file of weights'):
        resolve_teacher('teacher.py', here)


def test_an_ending_in_capitals_is_one(here: Path) -> None:
    assert resolve_teacher(write('MINE.ONNX')).spec == dict(type='OnnxTeacher', file=str(here / 'MINE.ONNX'))
    assert teacher_name('MINE.ONNX') == 'MINE'
