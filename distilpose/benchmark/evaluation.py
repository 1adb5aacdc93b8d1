"""Benchmark of the evaluation: from a network's predictions to COCO's metrics."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.evaluation.metrics import CocoMetric, coco_metric
from mmpose.registry import METRICS

from distilpose.config.models import keypoint_metainfo
from distilpose.errors import DistilPoseError
from distilpose.host.speedups import keypoint_results

from .display import Report
from .machine import added_at_peak
from .reference import evaluated_as_published
from .synthetic_data import make_people, make_predictions
from .timing import TimedSections, interleave

_PEOPLE, _PASSES = 5000, 3
_CLOCK = 'seconds that all threads of the process were at work'
_STEPS = [('suppression', keypoint_results, 'suppress'), ('suppression', coco_metric, 'oks_nms'),
          ('suppression', coco_metric, 'soft_oks_nms'),
          ('figures', coco_metric.COCOeval, 'evaluate'), ('figures', coco_metric.COCOeval, 'accumulate'),
          ('figures', coco_metric.COCOeval, 'summarize')]


def measure(cfg: Config, args: argparse.Namespace) -> Report:
    """Times the config's metric on synthetic predictions, which are the annotated people with errors.

    The people are those of the metric's annotation file; without one, or with ``--people``, they are synthetic. The
    first evaluation is not counted, since later ones reuse the annotations that it has converted; ``--first``
    measures first evaluations, reading the annotation file included.

    Raises:
        DistilPoseError: the config has no metric of this kind, or both variants come to different figures.
    """
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    metric, metainfo = _coco_metric(cfg), keypoint_metainfo(cfg)
    if metainfo is None:
        raise DistilPoseError('the config has no data set with metainfo of its keypoints')
    if (args.people is not None and args.people < 1) or not args.answers > 0:
        raise DistilPoseError(f'--people is {args.people}, --answers is {args.answers}; both must be above 0')
    with tempfile.TemporaryDirectory() as folder:
        file = Path(metric.get('ann_file') or '')
        is_made = args.people is not None or not file.is_file()
        if is_made:
            file = Path(folder) / 'people.json'
            file.write_text(json.dumps(make_people(args.people or _PEOPLE, keypoints=metainfo['num_keypoints'])))
        truth = json.loads(file.read_text())
        predictions = make_predictions(truth, keypoints=metainfo['num_keypoints'], per_person=args.answers)
        settings = dict(metric, ann_file=str(file))
        contexts: dict[str, Callable[[], AbstractContextManager]] = {'config': nullcontext}
        if args.baseline:
            contexts['published'] = evaluated_as_published
        variants = {name: _Evaluations(settings, metainfo, predictions, context=context, is_first=args.first)
                    for name, context in contexts.items()}
        seconds = interleave(variants, runs=args.runs)
        notes = [f'{len(truth["annotations"])} {"synthetic people" if is_made else f"people of {file.name}"} on '
                 f'{len(truth["images"])} images, {len(predictions)} synthetic predictions.',
                 *([_compare(variants['config'].figures, variants['published'].figures)] if args.baseline else [])]
        details = {name: variant.time_sections() for name, variant in variants.items()} if args.parts else {}
        return Report('evaluations', seconds, _CLOCK, details, memory=added_at_peak(variants, torch.device('cpu')),
                      notes=notes)


class _Evaluations:
    """Evaluates the same predictions repeatedly."""

    def __init__(self, settings: dict[str, Any], metainfo: dict[str, Any], predictions: list[dict[str, Any]], *,
                 context: Callable[[], AbstractContextManager], is_first: bool) -> None:
        self.settings, self.metainfo, self.predictions = settings, metainfo, predictions
        self.context, self.is_first = context, is_first
        self.figures: dict[str, float] = {}
        self.metric = self._build()

    def __call__(self, run: int) -> int:
        with self.context(), contextlib.redirect_stdout(io.StringIO()):  # for what pycocotools prints
            if self.is_first:
                self.metric = self._build()
            self._evaluate()
        return 1

    def time_sections(self) -> dict[str, float]:
        """Milliseconds of every section of an evaluation, medians of three."""
        passes = [self._time_pass() for _ in range(_PASSES)]
        return {name: 1e3 * statistics.median(one[name] for one in passes) for name in passes[0]}

    def _time_pass(self) -> dict[str, float]:
        sections = TimedSections(time.process_time)
        with self.context(), contextlib.redirect_stdout(io.StringIO()):
            if self.is_first:
                with sections.timed('reading annotations'):
                    self.metric = self._build()
            steps = [*_STEPS, ('collecting', self.metric, 'process'), ('writing results', self.metric, 'results2json'),
                     ('reading results', self.metric.coco, 'loadRes')]
            with sections.patched(steps), sections.timed('everything else'):
                self._evaluate()
        return sections.seconds

    def _build(self) -> CocoMetric:
        with contextlib.redirect_stdout(io.StringIO()):
            metric = METRICS.build(self.settings)
        metric.dataset_meta = self.metainfo
        return metric

    def _evaluate(self) -> None:
        self.metric.process({}, self.predictions)
        self.figures = self.metric.evaluate(len(self.predictions))


def _coco_metric(cfg: Config) -> dict[str, Any]:
    """The settings of the config's metric, which is one of COCO's."""
    settings = cfg.get('test_evaluator') or []
    listed = [settings] if isinstance(settings, dict) else settings
    types = [METRICS.get(metric['type']) for metric in listed]
    for metric, kind in zip(listed, types, strict=True):
        if isinstance(kind, type) and issubclass(kind, CocoMetric):
            return metric
    raise DistilPoseError(f'test_evaluator is {", ".join(metric["type"] for metric in listed) or "missing"}; eval '
                          "measures COCO's average precision (CocoMetric, WholeBodyPartsMetric), since other metrics "
                          'take a few milliseconds')


def _compare(mine: dict[str, float], published: dict[str, float]) -> str:
    """A sentence for the report, if both variants have the same figures.

    Raises:
        DistilPoseError: they are not.
    """
    different = [name for name in mine.keys() | published.keys() if not _is_same(mine.get(name), published.get(name))]
    if different:
        raise DistilPoseError('the two variants come to different figures: ' + ', '.join(
            f'{name} {mine.get(name)} and {published.get(name)}' for name in sorted(different)))
    return (f'Both variants come to the same {len(mine)} figures, such as '
            + ', '.join(f'{name} {value:.6f}' for name, value in list(mine.items())[:1]) + '.')


def _is_same(one: float | None, other: float | None) -> bool:
    return one == other or (one is not None and other is not None and math.isnan(one) and math.isnan(other))
