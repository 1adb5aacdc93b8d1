"""A stored summary of a comparison, histories and pictures: pages without a training."""

from __future__ import annotations

from typing import Any

import numpy as np

from distilpose.compare.history import Series
from distilpose.compare.pictures import Pictures
from distilpose.report import HeatmapPair, PersonPanel

ROLES = ('teacher', 'baseline', 'distilled')
NAMES, LINKS = ('left_hip', 'left_knee', 'nose'), ((0, 1), (1, 2))
FIGURES = ('ap', 'ap50', 'ap75', 'mean_oks', 'pck')


def make_summary(*, text: str | None = None, seeds: tuple[int, ...] = (0, 1),
                 ap: tuple[float | None, ...] = (0.7, 0.4, 0.55), gain: float | None = 0.15,
                 gap: float | None = 0.5) -> dict[str, Any]:
    """A summary of teacher, baseline and distilled student.

    Args:
        text: takes the place of every name, command and note.
        seeds: of the trainings.
        ap: of the three models.
        gain: of the distilled student in AP.
        gap: the share of the gap that it closed.
    """
    def interval(value: float | None) -> dict[str, Any]:
        bounds = dict(value=value, low=value and value - 0.05, high=value and value + 0.1)
        return dict(bounds, by_seed={str(seed): bounds for seed in seeds})

    def figures(value: float | None) -> dict[str, Any]:
        return dict.fromkeys(FIGURES, 0.5) | dict(ap=value)

    precision = dict(zip(ROLES, ap, strict=True))
    models = {role: dict(title=text or f'the {role}', config=text or f'{role}.py', options={text or 'a.b': text or 1},
                         parameters=485077, macs=41.9e6, images_per_second=312.0) for role in ROLES}
    return dict(
        command=f'distilpose compare {text or "--seeds 0 1"}', versions=dict(python='3'), seeds=list(seeds),
        bootstrap=dict(confidence=0.95, draws=10), data=dict(people=5, images=4), models=models,
        runs=[dict(role=role, seed=seed, figures=figures(precision[role])) for seed in seeds for role in ROLES],
        over_seeds={role: {name: dict(mean=value, low=value, high=value and value + 0.01)
                           for name, value in figures(precision[role]).items()} for role in ROLES},
        keypoints={role: {text or name: dict(ap=0.5, pck=0.5, oks=0.5) for name in NAMES} for role in ROLES},
        gain=dict(distilled={name: interval(gain) for name in FIGURES}),
        gap_closed=dict(distilled={name: interval(gap) for name in FIGURES}), notes=[text or 'a note'],
        facts={text or 'machine': text or 'a machine'})


def without_teacher(summary: dict[str, Any]) -> dict[str, Any]:
    """The same as of models without a teacher."""
    found = {key: value for key, value in summary.items() if key != 'gap_closed'}
    for name in ('models', 'over_seeds', 'keypoints'):
        found[name] = {role: value for role, value in summary[name].items() if role != 'teacher'}
    return dict(found, runs=[run for run in summary['runs'] if run['role'] != 'teacher'])


def make_histories(roles: tuple[str, ...] = ROLES) -> dict[str, dict[str, Series]]:
    """Losses of every model, and shares of the gradient of the distilled student."""
    def series(*values: float) -> Series:
        return Series(np.arange(1, len(values) + 1), np.array(values))

    found = {role: dict(loss=series(3, 2, 1), loss_kpt=series(3, 2, 1)) for role in roles}
    if 'distilled' in found:
        found['distilled'] |= {'loss_score': series(1, 0.5, 0.2), 'grad_share/kpt': series(0.6, 0.5, 0.5),
                               'grad_share/score': series(0.4, 0.5, 0.5)}
    return found


def make_pictures(*, name: str | None = None) -> Pictures:
    """Two people and one pair of heatmaps."""
    random = np.random.default_rng(0)
    image = random.integers(0, 255, (96, 72, 3), np.uint8)
    points = np.array([[10.0, 10.0], [40.0, 50.0], [60.0, 90.0]])
    panel = PersonPanel(image=image, labelled=np.array([True, True, False]), truth=points,
                        predictions=dict.fromkeys(ROLES, points + 3),
                        oks=dict(teacher=0.91, baseline=float('nan'), distilled=0.72))
    pair = HeatmapPair(image=image, joint=name or 'left hip', teacher=random.random((24, 18)),
                       student=random.random((24, 18)))
    names = [name and f'{side}{name}' or known for side, known in zip(('', 'left', 'right'), NAMES, strict=True)]
    return Pictures([panel, panel], LINKS, names, [pair])
