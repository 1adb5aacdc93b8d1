"""Weights in safetensors files are read and written, by content whatever the file is called; damage is a sentence."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.runner.checkpoint import CheckpointLoader
from safetensors.torch import save_file
from torch import Tensor

from distilpose.apis import load_model
from distilpose.checkpoints import BadCheckpoint, load_file, read_weights
from distilpose.config import build_estimator
from distilpose.distillation import PoseDistiller
from distilpose.distillation.teachers import load_teacher
from distilpose.export.convert import convert
from distilpose.export.transfer import transfer
from tests import networks
from tests.checkpoints.made_files import published_names, student_weights


def assert_equal(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) and value.dtype == expected[name].dtype
               for name, value in found.items())


@pytest.fixture(params=['weights.safetensors', 'weights.pth'])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """One of the format, under its suffix and under another."""
    save_file(student_weights(), tmp_path / request.param, metadata=dict(format='pt', meta='text'))
    return tmp_path / request.param


class TestReading:
    def test_weights_are_those_of_the_file(self, file: Path) -> None:
        assert_equal(load_file(file), student_weights())
        assert_equal(read_weights(file).state, student_weights())
        assert_equal(CheckpointLoader.load_checkpoint(str(file), map_location='cpu'), student_weights())

    def test_a_torch_file_of_this_suffix(self, tmp_path: Path) -> None:
        for zipped in (True, False):
            torch.save(student_weights(), tmp_path / 'x.safetensors', _use_new_zipfile_serialization=zipped)
            assert_equal(load_file(tmp_path / 'x.safetensors'), student_weights())

    def test_every_tensor_has_its_own_memory(self, file: Path) -> None:
        """Or saving one of them would save all, and the file could not be replaced meanwhile."""
        for value in load_file(file).values():
            assert value.untyped_storage().nbytes() == value.nbytes

    @pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float64, torch.int8, torch.bool])
    def test_types(self, dtype: torch.dtype, tmp_path: Path) -> None:
        values = dict(a=torch.tensor([[0, 1], [1, 0]]).to(dtype), b=torch.ones((), dtype=dtype))
        save_file(values, tmp_path / 'a.safetensors')
        assert_equal(load_file(tmp_path / 'a.safetensors'), values)

    @pytest.mark.parametrize('location, expected', [
        (None, 'cpu'), ('cpu', 'cpu'), ('meta', 'meta'), (torch.device('meta'), 'meta'), ({'cpu': 'meta'}, 'meta'),
        ({'cuda:0': 'meta'}, 'cpu'), (lambda storage, _: storage, 'cpu'), (lambda *_: None, 'cpu')])
    def test_map_location(self, location: Any, expected: str, file: Path) -> None:
        loaded = CheckpointLoader.load_checkpoint(str(file), map_location=location)
        assert {value.device.type for value in loaded.values()} == {expected}
        if expected == 'cpu':
            assert_equal(loaded, student_weights())

    def test_it_is_a_student_a_teacher_and_a_start(self, tmp_path: Path) -> None:
        teacher = build_estimator(networks.TEACHER).state_dict()
        save_file(published_names(teacher, head='tokenpose'), tmp_path / 'teacher.safetensors')
        assert_equal(load_teacher(networks.TEACHER, tmp_path / 'teacher.safetensors').model.state_dict(), teacher)
        save_file(published_names(student_weights()), tmp_path / 'student.safetensors')
        student = PoseDistiller(dict(networks.STUDENT, checkpoint=str(tmp_path / 'student.safetensors')),
                                networks.teacher(), terms=networks.TERMS)
        student.init_weights()
        assert_equal(student.state_dict(), student_weights())
        pretrained = dict(type='Pretrained', checkpoint=str(tmp_path / 'backbone.safetensors'), prefix='backbone')
        save_file(student_weights(), tmp_path / 'backbone.safetensors')
        model = build_estimator(dict(networks.STUDENT, backbone=dict(networks.STUDENT['backbone'],
                                                                     init_cfg=pretrained)))
        model.init_weights()
        expected = {name: value for name, value in student_weights().items() if name.startswith('backbone.')}
        assert expected and all(torch.equal(model.state_dict()[name], value) for name, value in expected.items())


class TestWriting:
    def test_convert_and_transfer(self, tmp_path: Path) -> None:
        (tmp_path / 'plain.py').write_text(f'model = {networks.STUDENT!r}\n')
        torch.save(dict(state_dict=published_names(student_weights())), tmp_path / 'published.pth')
        convert(tmp_path / 'published.pth', tmp_path / 'a.safetensors', config=tmp_path / 'plain.py')
        transfer(tmp_path / 'a.safetensors', tmp_path / 'b.safetensors', config=tmp_path / 'plain.py')
        for name in ('a', 'b'):
            assert_equal(load_file(tmp_path / f'{name}.safetensors'), student_weights())
            found = load_model(tmp_path / 'plain.py', tmp_path / f'{name}.safetensors').state_dict()
            assert_equal(found, student_weights())
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            'a.safetensors', 'b.safetensors', 'plain.py', 'published.pth']


def tensor(*shape: Any, dtype: str = 'F32', at: tuple[int, int] = (0, 8)) -> dict[str, Any]:
    return dict(dtype=dtype, shape=list(shape or (2,)), data_offsets=list(at))


def packed(header: Any, body: bytes = bytes(8), *, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack('<Q', len(text) if length is None else length) + text + body


DAMAGED: dict[str, tuple[bytes, str]] = dict(
    long_header=(packed(dict(a=tensor()), length=2**62), 'header too large'),
    header_beyond_the_end=(packed(dict(a=tensor()), length=90_000_000), 'Download or copy it again'),
    cut=(packed(dict(a=tensor()), bytes(7)), 'not fully covered. Download or copy it again'),
    added_to=(packed(dict(a=tensor()), bytes(9)), 'not fully covered'),
    overlapping=(packed(dict(a=tensor(), b=tensor(at=(4, 12))), bytes(12)), 'invalid offset for tensor `b`'),
    twice=(packed(dict(a=tensor(), b=tensor())), 'invalid offset'),
    backwards=(packed(dict(a=tensor(at=(8, 0)))), 'invalid offset'),
    unknown_type=(packed(dict(a=tensor(dtype='X99'))), 'unknown variant `X99`'),
    wrong_size=(packed(dict(a=tensor(3))), 'invalid shape, data type, or offset'),
    huge_shape=(packed(dict(a=tensor(2**62, 2**62))), 'overflow'),
    negative=(packed(dict(a=tensor(-2))), 'invalid value: integer `-2`'),
    no_tensor=(packed(dict(a=1)), 'invalid type: integer'),
    no_json=(packed(b'{nope'), 'invalid JSON'),
    deep=(packed(b'{"a":' * 10_000), 'recursion limit'),
    metadata=(packed(dict(a=tensor(), __metadata__=dict(a=[1]))), 'invalid type'),
    short=(b'\x05\0', 'too small. Download or copy it again'),
)


@pytest.mark.parametrize('name', DAMAGED)
def test_damage_is_a_sentence(name: str, tmp_path: Path) -> None:
    content, words = DAMAGED[name]
    file = tmp_path / 'x.safetensors'
    file.write_bytes(content)
    with pytest.raises(BadCheckpoint) as caught:
        load_file(file)
    message = str(caught.value)
    assert words in message and f'{file} ({len(content):,} bytes)' in message and '\n' not in message
    assert len(message) < 400 and ('again' in message) == ('again' in words or name == 'added_to')


@pytest.mark.parametrize('save', [lambda values, file: torch.save(values, file), save_file])
def test_a_file_of_no_tensors_is_no_set_of_weights(save: Callable, tmp_path: Path) -> None:
    save({}, tmp_path / 'a.safetensors')
    with pytest.raises(BadCheckpoint, match='holds no weights'):
        read_weights(tmp_path / 'a.safetensors')
