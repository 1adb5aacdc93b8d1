"""A cache is taken only for what it was made for."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from distilpose.distillation.teacher_cache import RecordLayout, SlotStore, agree_on_header
from distilpose.distillation.teacher_cache.header import NAME
from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs
from tests.devices import on_device

FACTS = {"teacher's weights": 'abc', 'random seed': '0 0'}


def layout(*fields: str, width: int = 3) -> RecordLayout:
    outputs = PoseOutputs(heatmaps=(torch.zeros(1, 2, 4, width),), visual_tokens=torch.zeros(1, 5, 7))
    return RecordLayout.of(outputs, fields)


@on_device
def test_the_second_run_finds_what_the_first_one_wrote(tmp_path: Path) -> None:
    first = agree_on_header(tmp_path / 'new', FACTS, layout('heatmaps'))
    assert agree_on_header(tmp_path / 'new', FACTS, layout('heatmaps')) == first
    assert [path.name for path in (tmp_path / 'new').iterdir()] == [NAME]


@on_device
def test_other_facts_have_another_number(tmp_path: Path) -> None:
    numbers = {agree_on_header(tmp_path / seed, {**FACTS, 'random seed': seed}, layout('heatmaps'))[1] for seed in '01'}
    assert len(numbers) == 2


@on_device
@pytest.mark.parametrize('facts, words', [
    ({**FACTS, 'random seed': '1 0'}, r'a different random seed \(0 0 there, 1 0 here\); name another folder'),
    ({"teacher's weights": 'def', 'random seed': '2'}, r"teacher's weights \(abc there, def here\), random seed"),
    ({**FACTS, 'news': 'x'}, r'news \(none there, x here\)'),
])
def test_a_difference_is_named(tmp_path: Path, facts: dict[str, str], words: str) -> None:
    agree_on_header(tmp_path, FACTS, layout('heatmaps'))
    with pytest.raises(DistilPoseError, match=words):
        agree_on_header(tmp_path, facts, layout('heatmaps'))


@on_device
def test_a_cache_may_hold_more_and_not_less(tmp_path: Path) -> None:
    everything = layout('heatmaps', 'visual_tokens')
    agree_on_header(tmp_path / 'more', FACTS, everything)
    assert agree_on_header(tmp_path / 'more', FACTS, layout('visual_tokens'))[0] == everything
    agree_on_header(tmp_path / 'less', FACTS, layout('visual_tokens'))
    with pytest.raises(DistilPoseError, match='keeps visual_tokens, and the terms also read heatmaps'):
        agree_on_header(tmp_path / 'less', FACTS, everything)


@on_device
def test_other_shapes_are_refused(tmp_path: Path) -> None:
    agree_on_header(tmp_path, FACTS, layout('heatmaps'))
    with pytest.raises(DistilPoseError, match='other shapes'):
        agree_on_header(tmp_path, FACTS, layout('heatmaps', width=4))


@on_device
def test_somebody_elses_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / 'thesis.txt').write_text('x')
    with pytest.raises(DistilPoseError, match='not empty and no teacher cache .it has thesis.txt'):
        agree_on_header(tmp_path, FACTS, layout('heatmaps'))
    assert [path.name for path in tmp_path.iterdir()] == ['thesis.txt']


@on_device
@pytest.mark.parametrize('text', ['', '[]', '{}', json.dumps(dict(format=0))])
def test_a_header_of_another_kind_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(DistilPoseError, match='header of a teacher cache|has the format 0'):
        agree_on_header(tmp_path, FACTS, layout('heatmaps'))


@on_device
def test_what_a_killed_run_left_of_a_header_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / f'{NAME}.0123').write_text('{')
    assert agree_on_header(tmp_path, FACTS, layout('heatmaps'))[0] == layout('heatmaps')


def open_cache(folder: Path, *fields: str) -> RecordLayout:
    """What a process does with a cache before it trains."""
    kept, salt = agree_on_header(folder, FACTS, layout(*fields or ['heatmaps']))
    SlotStore(folder, slots=4, values=kept.values, dtype='float32', salt=salt).close()
    return kept


def once_after(method: Callable[..., Any], action: Callable[[], Any]) -> Callable[..., Any]:
    """The method, whose first call is followed by the action of another process."""
    calls: list[object] = []

    def call(*args: Any, **kwargs: Any) -> Any:
        result = method(*args, **kwargs)
        calls.append(args)
        if len(calls) == 1:
            action()
        return result

    return call


@on_device
def test_another_process_opens_the_cache_after_the_first_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / 'cache'
    monkeypatch.setattr(Path, 'exists', once_after(Path.exists, lambda: open_cache(folder)))
    assert open_cache(folder) == layout('heatmaps')
    assert sorted(path.name for path in folder.iterdir()) == [NAME, 'marks.bin', 'records.bin']


@on_device
def test_the_first_header_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two runs that open a cache at once, with other terms."""
    folder, everything = tmp_path / 'cache', ('heatmaps', 'visual_tokens')
    monkeypatch.setattr(Path, 'write_bytes', once_after(Path.write_bytes, lambda: open_cache(folder, *everything)))
    assert open_cache(folder) == layout(*everything)
    assert RecordLayout.from_json(json.loads((folder / NAME).read_text())['layout']) == layout(*everything)
    assert not list(folder.glob(f'{NAME}.*'))


@on_device
def test_file_systems_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, 'no links')

    monkeypatch.setattr(os, 'link', refuse)
    assert open_cache(tmp_path / 'cache') == layout('heatmaps')
    assert not list((tmp_path / 'cache').glob(f'{NAME}.*'))


PART = dict(field='heatmaps', shape=[2, 4, 3], start=0, maps=1)


@on_device
@pytest.mark.parametrize('change, words', [
    (lambda header: header.pop('facts'), "'facts'"), (lambda header: header.update(facts=[1]), 'no texts by name'),
    (lambda header: header.update(facts=dict(a=dict(b=1))), 'no texts by name'),
    (lambda header: header.update(layout={'a': 1}), 'no list'), (lambda header: header.update(layout=[]), 'is empty'),
    (lambda header: header.update(layout=[1]), 'has not the keys'),
    (lambda header: header.update(layout=[dict(PART, more=1)]), 'has not the keys'),
    (lambda header: header.update(layout=[dict(PART, field='../x')]), "'../x' in its layout is none of heatmaps"),
    (lambda header: header.update(layout=[dict(PART, shape=[-1, 4])]), 'no shape'),
    (lambda header: header.update(layout=[dict(PART, shape='ab')]), 'no shape'),
    (lambda header: header.update(layout=[dict(PART, shape=None)]), 'NoneType'),
    (lambda header: header.update(layout=[dict(PART, start=-10**9)]), 'does not follow'),
    (lambda header: header.update(layout=[PART, PART]), 'does not follow'),
    (lambda header: header.update(layout=[dict(PART, shape=[10**6, 10**6])]), '1,000,000,000,000 values')])
def test_a_header_from_elsewhere_is_a_sentence(change: Callable[[dict], Any], words: str, tmp_path: Path) -> None:
    agree_on_header(tmp_path, FACTS, layout('heatmaps'))
    header = json.loads((tmp_path / NAME).read_text())
    change(header)
    (tmp_path / NAME).write_text(json.dumps(header))
    with pytest.raises(DistilPoseError, match=rf'{NAME} cannot be read as the header of a teacher cache .*{words}'):
        agree_on_header(tmp_path, FACTS, layout('heatmaps'))


@on_device
@pytest.mark.parametrize('content', [b'\xff\xfe', b'[' * 100_000, b'3', b' ' * (2 << 20)])
def test_a_header_that_is_no_json_is_a_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(DistilPoseError, match='cannot be read as the header'):
        agree_on_header(tmp_path, FACTS, layout('heatmaps'))


@on_device
def test_layers_that_nothing_reads_are_refused_since_the_teacher_does_not_record_them(tmp_path: Path) -> None:
    outputs = PoseOutputs(heatmaps=(torch.zeros(1, 2, 4, 3),), layers={'backbone.layer3': torch.zeros(1, 5, 2, 2)})
    agree_on_header(tmp_path, FACTS, RecordLayout.of(outputs, ('heatmaps', 'layers.backbone.layer3')))
    with pytest.raises(DistilPoseError, match='also keeps the layers backbone.layer3, which no term reads'):
        agree_on_header(tmp_path, FACTS, RecordLayout.of(outputs, ('heatmaps',)))
    agree_on_header(tmp_path, FACTS, RecordLayout.of(outputs, ('layers.backbone.layer3',)))
