"""A run remembers what it finished, for as long as that is still the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from distilpose.errors import DistilPoseError
from distilpose.quickstart.state import RunState, fingerprint


def test_a_finished_stage_is_known_to_the_next_run(tmp_path: Path) -> None:
    state = RunState(tmp_path / 'state.json')
    assert not state.begin('teacher', 'a')
    state.spend('teacher', 1.0, 3.0)
    assert state.result('teacher', 'a') is None
    state.finish('teacher', dict(ap=0.5))
    again = RunState(tmp_path / 'state.json')
    assert again.result('teacher', 'a') == dict(ap=0.5)
    assert again.result('teacher', 'b') is None and again.result('baseline', 'a') is None
    assert again.seconds() == dict(teacher=2.0)


def test_an_interrupted_stage_goes_on_and_adds_its_time(tmp_path: Path) -> None:
    first = RunState(tmp_path / 'state.json')
    first.begin('teacher', 'a')
    first.spend('teacher', 1.0, 3.0)
    second = RunState(tmp_path / 'state.json')
    assert second.begin('teacher', 'a')
    second.spend('teacher', 1.0, 4.0)
    assert RunState(tmp_path / 'state.json').seconds() == dict(teacher=5.0)


def test_a_changed_stage_starts_over(tmp_path: Path) -> None:
    state = RunState(tmp_path / 'state.json')
    state.begin('teacher', 'a')
    state.spend('teacher', 1.0, 3.0)
    state.finish('teacher', 1)
    assert not state.begin('teacher', 'b')
    assert state.result('teacher', 'b') is None and state.seconds() == dict(teacher=0.0)


@pytest.mark.parametrize('text', ['', '{', '[]', '{"version": 99, "stages": {}}', '{"version": 1}',
                                  '{"version": 1, "stages": {"a": 1}}', '{"version": 1, "stages": [1]}',
                                  '{"version": 1, "stages": {"a": {"fingerprint": "x", "seconds": "y"}}}'])
def test_a_foreign_file_is_refused_with_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / 'state.json').write_text(text)
    with pytest.raises(DistilPoseError, match='start over'):
        RunState(tmp_path / 'state.json')


def test_nothing_but_the_file_is_left_behind(tmp_path: Path) -> None:
    RunState(tmp_path / 'state.json').begin('teacher', 'a')
    assert [file.name for file in tmp_path.iterdir()] == ['state.json']


def test_fingerprints_see_values_and_not_folders() -> None:
    one = fingerprint(dict(lr=1e-3, root='/a/data'), 0, hide={'/a': 'HERE'})
    assert one == fingerprint(dict(root='/b/data', lr=1e-3), 0, hide={'/b': 'HERE'})
    assert one != fingerprint(dict(lr=2e-3, root='/a/data'), 0, hide={'/a': 'HERE'})
    assert one != fingerprint(dict(lr=1e-3, root='/a/data'), 1, hide={'/a': 'HERE'})


def test_the_time_of_stages_beside_each_other_counts_once(tmp_path: Path) -> None:
    state = RunState(tmp_path / 'state.json')
    for stage in ('data', 'teacher', 'baseline', 'distilled'):
        state.begin(stage, 'x')
    state.spend('data', 0.0, 2.0)
    state.spend('teacher', 2.0, 10.0)
    state.spend('baseline', 3.0, 12.0)
    state.spend('distilled', 12.0, 13.0)
    assert state.seconds() == dict(data=2.0, teacher=8.0, baseline=9.0, distilled=1.0)
    assert state.elapsed() == RunState(tmp_path / 'state.json').elapsed() == 13.0


def test_earlier_versions_wrote_no_elapsed_time(tmp_path: Path) -> None:
    state = RunState(tmp_path / 'state.json')
    state.begin('data', 'x')
    state.spend('data', 0.0, 2.0)
    del state.stages['data']['elapsed']
    assert state.elapsed() == 2.0
    state.spend('data', 5.0, 6.0)
    assert state.elapsed() == 3.0
