"""Differences of configs, and configs that are read without being run."""

from __future__ import annotations

import pytest
from mmengine.config import Config

from distilpose.config.differences import differences, read_literals


def test_places_and_values_are_named() -> None:
    one = dict(train_cfg=dict(max_epochs=10), steps=[dict(end=1), dict(end=2)], same=(1, 2), here=1)
    other = dict(train_cfg=dict(max_epochs=14), steps=[dict(end=1), dict(end=3)], same=(1, 2), there='x')
    assert list(differences(one, other)) == [
        ('train_cfg.max_epochs', '10', '14'), ('steps[1].end', '2', '3'), ('here', '1', 'absent'),
        ('there', 'absent', "'x'")]


def test_tuples_equal_lists_and_some_keys_do_not_matter() -> None:
    one = dict(size=(1, 2), dataset=dict(data_root='a', type='X'))
    other = dict(size=[1, 2], dataset=dict(data_root='b', type='X'))
    assert not list(differences(one, other, ignore={'data_root'}))
    assert [found.where for found in differences(one, other)] == ['dataset.data_root']
    assert [found.where for found in differences(dict(size=[1]), dict(size=[1, 2]))] == ['size']


def test_long_values_are_cut() -> None:
    found = next(differences(dict(a='x' * 100), dict(a=1)))
    assert len(found.one) == 60 and found.one.endswith('...')


def test_what_mmengine_writes_is_read_back() -> None:
    cfg = Config(dict(model=dict(type='A', sizes=(1, -2.5), parts=[dict(a=None), True], names={1: 'x', 'a b': 1e-8},
                           most=float('inf'))))
    assert read_literals(cfg.pretty_text) == cfg.to_dict()


@pytest.mark.parametrize('text', ['import os', 'a = open("x")', 'a = dict(b=os.name)', 'f()'])
def test_programs_are_not_run(text: str) -> None:
    with pytest.raises(ValueError):
        read_literals(text)
