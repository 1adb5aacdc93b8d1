"""Gains, gaps and their intervals: identities that hold whatever the figures are."""

from __future__ import annotations

import numpy as np
import pytest

from distilpose.compare.statistics import Estimate, draw_images, gain, gap, interval, mean_over_seeds

RANDOM = np.random.default_rng(0)
BASELINE = Estimate(0.40, 0.40 + RANDOM.normal(0, 0.01, 1000))
STUDENT = Estimate(0.50, BASELINE.draws + 0.10 + RANDOM.normal(0, 0.005, 1000))
TEACHER = Estimate(0.60, BASELINE.draws + 0.20 + RANDOM.normal(0, 0.005, 1000))


def test_every_draw_has_as_many_images() -> None:
    counts = draw_images(37)
    assert counts.shape == (1000, 37) and (counts.sum(axis=1) == 37).all()
    assert counts.mean() == 1 and 0.9 < counts.std() < 1.1  # as often as chance wants it
    assert np.array_equal(counts, draw_images(37)) and not np.array_equal(counts, draw_images(37, seed=1))


def test_the_interval_holds_what_it_says() -> None:
    found = interval(Estimate(0.5, np.arange(1001) / 1000))
    assert (found.low, found.value, found.high, found.defined) == (pytest.approx(0.025), 0.5, pytest.approx(0.975), 1)


def test_equal_students_close_nothing() -> None:
    found = gap(BASELINE, BASELINE, teacher=TEACHER)
    assert (found.value, found.low, found.high) == (0, 0, 0)
    assert gain(BASELINE, BASELINE) == found


def test_the_teacher_itself_closes_everything() -> None:
    found = gap(BASELINE, TEACHER, teacher=TEACHER)
    assert (found.value, found.low, found.high) == (1, 1, 1)


def test_half_of_the_way() -> None:
    found = gap(BASELINE, STUDENT, teacher=TEACHER)
    assert found.value == pytest.approx(0.5) and 0.4 < found.low < 0.5 < found.high < 0.6
    points = gain(BASELINE, STUDENT)
    assert points.value == pytest.approx(0.1) and 0.08 < points.low < 0.1 < points.high < 0.12


@pytest.mark.parametrize('teacher', [
    BASELINE, Estimate(0.3, BASELINE.draws + 1), Estimate(float('nan'), TEACHER.draws)])
def test_a_teacher_that_is_no_better_has_no_gap(teacher: Estimate) -> None:
    found = gap(BASELINE, STUDENT, teacher=teacher)
    assert found.value is None and found.low is None and found.high is None


def test_a_gap_that_chance_may_undo_has_no_interval() -> None:
    doubtful = Estimate(0.41, np.where(np.arange(1000) < 100, BASELINE.draws - 0.1, TEACHER.draws))
    found = gap(BASELINE, STUDENT, teacher=doubtful)
    assert found.value == pytest.approx(10) and found.low is None and found.defined == pytest.approx(0.9)


def test_seeds_are_averaged_before_anything_is_divided() -> None:
    both = mean_over_seeds([BASELINE, TEACHER])
    assert both.value == pytest.approx(0.5)
    assert np.allclose(both.draws, (BASELINE.draws + TEACHER.draws) / 2)
