from __future__ import annotations

import pytest

from distilpose.distillation.distiller import build_terms
from distilpose.distillation.schedules import SCHEDULES, build_schedule, linear_decay, require_numbers, warmup, window
from distilpose.errors import DistilPoseError


def test_linear_decay_is_one_minus_progress() -> None:
    assert [linear_decay(epoch / 270) for epoch in (0, 135)] == [1, 0.5]
    assert linear_decay(269 / 270) == pytest.approx(1 / 270)
    assert linear_decay(0.5, end=0.2) == pytest.approx(0.6)


def test_warmup_rises_and_stays() -> None:
    assert [warmup(p, until=0.2) for p in (0, 0.1, 0.2, 0.9)] == [0, 0.5, 1, 1]
    assert warmup(0.0, until=0) == 1


@pytest.mark.parametrize('spec', [None, 'constant'])
def test_nothing_means_constant(spec: str | None) -> None:
    assert {build_schedule(spec)(p) for p in (0.0, 0.3, 0.99)} == {1.0}


@pytest.mark.parametrize('name', SCHEDULES)
def test_every_schedule_is_a_weight_between_0_and_1(name: str) -> None:
    assert all(0 <= build_schedule(name)(step / 100) <= 1 for step in range(100))


def test_options_are_passed_on() -> None:
    assert build_schedule(dict(type='warmup', until=0.5))(0.25) == 0.5


@pytest.mark.parametrize('spec', ['cosine', dict(until=0.5)])
def test_unknown_schedules_are_refused(spec: str | dict) -> None:
    with pytest.raises(DistilPoseError, match='expected one of constant, linear_decay, warmup'):
        build_schedule(spec)


@pytest.mark.parametrize(('spec', 'words'), [
    (dict(type='linear_decay', end=float('nan')), "'linear_decay': end is nan; expected a finite number"),
    (dict(type='warmup', until=float('inf')), "'warmup': until is inf"),
    (dict(type='warmup', until='0.1'), "'warmup': until is '0.1'"),
    (dict(type='warmup', end=0.1), "'warmup' cannot be evaluated with {'end': 0.1}"),
])
def test_schedules_whose_values_are_no_numbers_are_refused(spec: dict, words: str) -> None:
    with pytest.raises(DistilPoseError, match=words):
        build_schedule(spec)


@pytest.mark.parametrize('value', [float('nan'), float('inf'), None, '1', True])
def test_what_must_be_a_number(value: object) -> None:
    require_numbers('a term', weight=0, other=0.5)
    with pytest.raises(DistilPoseError, match='a term: weight is .*; expected a finite number'):
        require_numbers('a term', weight=value)


@pytest.mark.parametrize('term', [
    dict(type='ScoreTerm', weight=float('nan')), dict(type='ScoreTerm', weight=float('inf')),
    dict(type='ScoreTerm', schedule=dict(type='linear_decay', end=float('nan'))),
    dict(type='SimCCTerm', beta=float('nan')), dict(type='HeatmapMarginalTerm', beta=float('inf')),
    dict(type='HeatmapTerm', unlabelled_weight=float('nan')), dict(type='SimulatedHeatmapTerm', sigma=float('inf')),
    dict(type='SimulatedHeatmapTerm', sigma=float('nan'))])
def test_terms_refuse_numbers_that_are_none_when_they_are_built(term: dict) -> None:
    with pytest.raises(DistilPoseError, match=r'^model\.terms\.kd: .*(nan|inf)'):
        build_terms(dict(dropped=None, kd=term))


def test_a_window_is_1_within_and_0_outside() -> None:
    assert [window(p, start=0.2, end=0.5) for p in (0.0, 0.2, 0.49, 0.5, 1.0)] == [0, 1, 1, 0, 0]
    assert window(0.999) == window(1.0) == 1, 'the last one lasts until the end'


@pytest.mark.parametrize('spec', [dict(start=0.5, end=0.5), dict(start=-0.1), dict(end=1.5)])
def test_windows_outside_of_a_training_are_refused(spec: dict) -> None:
    with pytest.raises(DistilPoseError, match='expected 0 <= start < end <= 1'):
        build_schedule(dict(type='window', **spec))
