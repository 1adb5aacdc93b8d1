"""Summary of a comparison: all metrics as one nested dictionary, from which file, table and page are written."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import mmengine
import mmpose
import numpy as np
import torch

import distilpose
from distilpose.evaluation import is_a_figure

from .formatting import HEADINGS
from .measure import FIGURES, KEYPOINT_FIGURES, Measured
from .plans import Plan
from .statistics import CONFIDENCE, DRAWS, SEED, Interval, gain, gap, mean_over_seeds


@dataclass(frozen=True)
class Comparison:
    """Everything that was measured."""

    plans: Sequence[Plan]
    measured: Mapping[int, Mapping[str, Measured]]
    """seed -> role -> what was measured."""
    keypoint_names: Sequence[str]
    notes: Sequence[str]
    command: str
    facts: Mapping[str, str] = field(default_factory=dict)
    """Further facts for the page, such as the machine."""

    @property
    def students(self) -> list[Plan]:
        """All that is compared with the baseline, the distilled student first."""
        return [plan for plan in self.plans if plan.role not in ('teacher', 'baseline')]

    @property
    def first(self) -> Mapping[str, Measured]:
        """Role -> what was measured of the first seed."""
        return next(iter(self.measured.values()))


def summarise(comparison: Comparison) -> dict[str, Any]:
    """Metrics of every run, of all seeds together, and the gains of the students; ``None`` is not defined.

    With a teacher ``gap_closed`` has the shares of the gap between baseline and teacher.
    """
    people = comparison.first['baseline'].evaluation
    found = dict(
        command=comparison.command, versions=versions(), seeds=list(comparison.measured),
        bootstrap=dict(drawn='images', draws=DRAWS, seed=SEED, confidence=CONFIDENCE),
        data=dict(people=len(people.oks), images=len(people.truth['images'])),
        models={plan.role: _model(plan, comparison.first[plan.role]) for plan in comparison.plans},
        runs=[_run(found, comparison.keypoint_names) for models in comparison.measured.values()
              for found in models.values()],
        over_seeds={plan.role: {name: _range([models[plan.role].evaluation.figures[name]
                                              for models in comparison.measured.values()]) for name in FIGURES}
                    for plan in comparison.plans},
        keypoints={plan.role: _keypoints([models[plan.role] for models in comparison.measured.values()],
                                         comparison.keypoint_names) for plan in comparison.plans},
        gain=_compare(comparison, gain), notes=[*comparison.notes, *_undefined_figures(comparison)])
    if any(plan.role == 'teacher' for plan in comparison.plans):
        found['gap_closed'] = _compare(comparison, lambda baseline, student, teacher: gap(
            baseline, student, teacher=teacher), 'teacher')
    if comparison.facts:
        found['facts'] = dict(comparison.facts)
    return found


def _model(plan: Plan, found: Measured) -> dict[str, Any]:
    speed = {} if found.images_per_second is None else dict(images_per_second=found.images_per_second)
    return dict(title=plan.title, config=plan.config, options=dict(plan.options), parameters=found.parameters,
                macs=found.macs, **speed)


def _undefined_figures(comparison: Comparison) -> list[str]:
    """A note on every training with a figure that is none, such as the -1 of COCO: nothing is concluded from it."""
    titles = {plan.role: plan.title for plan in comparison.plans}
    notes = []
    for seed, models in comparison.measured.items():
        for role, found in models.items():
            names = [HEADINGS[name] for name in FIGURES if not is_a_figure(found.evaluation.figures[name])]
            if names:
                notes.append(f'{", ".join(names)} of {titles[role]} (seed {seed}) cannot be computed: there is nothing '
                             'to evaluate, or what was predicted is not finite; no gain is taken from it')
    return notes


def versions() -> dict[str, str]:
    """Of what computes the figures."""
    return dict(python=platform.python_version(), torch=torch.__version__, mmengine=mmengine.__version__,
                mmpose=mmpose.__version__, distilpose=distilpose.__version__)


def _run(found: Measured, names: Sequence[str]) -> dict[str, Any]:
    run = found.run
    return dict(role=run.plan.role, seed=run.seed, checkpoint='/'.join(run.checkpoint.parts[-3:]),
                iterations=run.iterations, figures=dict(found.evaluation.figures), keypoints=_keypoints([found], names))


def _keypoints(found: Sequence[Measured], names: Sequence[str]) -> dict[str, dict[str, float | None]]:
    """Keypoint -> figure -> mean over the runs."""
    means = {name: np.mean([entry.keypoints[name] for entry in found], axis=0) for name in KEYPOINT_FIGURES}
    return {joint: {name: _number(values[index]) for name, values in means.items()}
            for index, joint in enumerate(names)}


def _range(values: Sequence[float]) -> dict[str, float | None]:
    return dict(mean=_number(np.mean(values)), low=_number(np.min(values)), high=_number(np.max(values)))


def _number(value: float | np.floating) -> float | None:
    return float(value) if is_a_figure(value) else None


def _compare(comparison: Comparison, how: Callable[..., Interval], *others: str) -> dict[str, Any]:
    """Student -> figure -> the interval of all seeds together, and of each.

    ``how`` takes a figure of the baseline, of the student, and of the other roles.
    """
    return {plan.role: {name: _over_seeds(comparison, ('baseline', plan.role, *others), name, how) for name in FIGURES}
            for plan in comparison.students}


def _over_seeds(comparison: Comparison, roles: Sequence[str], name: str,
                how: Callable[..., Interval]) -> dict[str, Any]:
    rows = [[models[role].estimates[name] for role in roles] for models in comparison.measured.values()]
    together = how(*(mean_over_seeds(column) for column in zip(*rows, strict=True)))
    by_seed = {str(seed): asdict(how(*row)) for seed, row in zip(comparison.measured, rows, strict=True)}
    return dict(asdict(together), by_seed=by_seed)
