"""Figures of a report, and their text and JSON."""

from __future__ import annotations

import json

import pytest

from distilpose.benchmark import Report, display
from distilpose.benchmark.machine import Ceilings


def test_a_ratio_is_of_neighbours() -> None:
    report = Report('images', dict(config=[1., 2., 8.], plain=[2., 6., 8.]), clock='seconds')
    assert report.rate('config') == .5
    assert report.ratio('config') == 2
    assert json.loads(display.as_json(report))['times_as_fast'] == dict(config=2)
    assert 'config is 2.00 times as fast as plain' in display.as_text(report)


@pytest.mark.parametrize('seconds, words', [(.0004, '2500 images/s'), (.08, '12.5 images/s'), (.5, '2.00 images/s')])
def test_rates_have_three_digits(seconds: float, words: str) -> None:
    assert words in display.as_text(Report('images', dict(config=[seconds]), clock='seconds'))


def test_every_variant_is_compared_with_the_last() -> None:
    report = Report('images', dict(fast=[1., 1.], slow=[2., 2.], plain=[4., 4.]), clock='seconds')
    assert report.compared_with == 'plain'
    assert json.loads(display.as_json(report))['times_as_fast'] == dict(fast=4, slow=2)


def test_shares_and_memory_are_shown_where_they_are_known() -> None:
    report = Report('images', dict(config=[2.], plain=[4.]), clock='seconds',
                    flops=dict(config=dict(float32=4., bfloat16=8.)), memory=dict(config=5_000_000),
                    ceilings=Ceilings(dict(float32=8., bfloat16=16.), copy=3e9))
    assert report.share('config') == .5 and report.share('plain') is None
    text, figures = display.as_text(report), json.loads(display.as_json(report))
    assert '50 % of the ceiling  +5 MB at the peak' in text and 'copying 3.0 GB/s' in text
    assert figures['share_of_matmul_ceiling'] == dict(config=.5, plain=None)
    assert figures['bytes_added_at_peak'] == dict(config=5_000_000)


def test_memory_that_is_not_measured_is_said() -> None:
    report = Report('images', dict(config=[2.]), clock='seconds', memory=None)
    assert 'not measured on this system' in display.as_text(report)
