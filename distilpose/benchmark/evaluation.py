"""How long an evaluation takes, from a network's answers to COCO's figures."""

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

from .memory import added_at_peak
from .reference import evaluated_as_published
from .synthetic_data import make_answers, make_people
from .timed_sections import Parts
from .timing import Report, interleave

_PEOPLE, _PASSES = 5000, 3
_CLOCK = 'seconds that all threads of the process were at work'
_STEPS = [('suppression', coco_metric, 'oks_nms'), ('suppression', coco_metric, 'soft_oks_nms'),
          ('figures', coco_metric.COCOeval, 'evaluate'), ('figures', coco_metric.COCOeval, 'accumulate'),
          ('figures', coco_metric.COCOeval, 'summarize')]


def measure(cfg: Config, args: argparse.Namespace) -> Report:
    """Times the config's metric on answers that are made from the people to be found.

    These are read from the metric's annotation file; they are made where there is none, or by ``--people``. One
    evaluation is not counted, as in a training, whose later ones find the people as the first has converted them;
    ``--first`` measures first ones, the reading of the annotation file included.

    Raises:
        DistilPoseError: the config has no metric of this kind, or both ways come to different figures.
    """
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    metric, metainfo = _coco_metric(cfg), keypoint_metainfo(cfg)
    if metainfo is None:
        raise DistilPoseError('the config has no data set that knows its keypoints')
    if (args.people is not None and args.people < 1) or not args.answers > 0:
        raise DistilPoseError(f'--people is {args.people}, --answers is {args.answers}; both must be above 0')
    with tempfile.TemporaryDirectory() as folder:
        file = Path(metric.get('ann_file') or '')
        is_made = args.people is not None or not file.is_file()
        if is_made:
            file = Path(folder) / 'people.json'
            file.write_text(json.dumps(make_people(args.people or _PEOPLE, keypoints=metainfo['num_keypoints'])))
        truth = json.loads(file.read_text())
        answers = make_answers(truth, keypoints=metainfo['num_keypoints'], per_person=args.answers)
        settings = dict(metric, ann_file=str(file))
        contexts: dict[str, Callable[[], AbstractContextManager]] = {'config': nullcontext}
        if args.baseline:
            contexts['published'] = evaluated_as_published
        ways = {name: _Evaluations(settings, metainfo, answers, working_as=context, is_first=args.first)
                for name, context in contexts.items()}
        seconds = interleave(ways, runs=args.runs)
        notes = [f'{len(truth["annotations"])} {"made people" if is_made else f"people of {file.name}"} on '
                 f'{len(truth["images"])} images, {len(answers)} made answers.',
                 *([_compare(ways['config'].figures, ways['published'].figures)] if args.baseline else [])]
        return Report('evaluations', seconds, _CLOCK, memory=added_at_peak(ways, torch.device('cpu')), notes=notes,
                      details={name: way.time_parts() for name, way in ways.items()} if args.parts else {})


class _Evaluations:
    """Evaluates the same answers, over and over."""

    def __init__(self, settings: dict[str, Any], metainfo: dict[str, Any], answers: list[dict[str, Any]], *,
                 working_as: Callable[[], AbstractContextManager], is_first: bool) -> None:
        self.settings, self.metainfo, self.answers = settings, metainfo, answers
        self.working_as, self.is_first = working_as, is_first
        self.figures: dict[str, float] = {}
        self.metric = self._build()

    def __call__(self, run: int) -> int:
        with self.working_as(), contextlib.redirect_stdout(io.StringIO()):  # pycocotools tells what it does
            if self.is_first:
                self.metric = self._build()
            self._evaluate()
        return 1

    def time_parts(self) -> dict[str, float]:
        """Milliseconds of every part of an evaluation, medians of three."""
        passes = [self._time_pass() for _ in range(_PASSES)]
        return {name: 1e3 * statistics.median(one[name] for one in passes) for name in passes[0]}

    def _time_pass(self) -> dict[str, float]:
        parts = Parts(time.process_time)
        with self.working_as(), contextlib.redirect_stdout(io.StringIO()):
            if self.is_first:
                with parts.timed('reading annotations'):
                    self.metric = self._build()
            steps = [*_STEPS, ('writing results', self.metric, 'results2json'),
                     ('reading results', self.metric.coco, 'loadRes')]
            with parts.watching(steps), parts.timed('everything else'):
                self._evaluate()
        return parts.seconds

    def _build(self) -> CocoMetric:
        with contextlib.redirect_stdout(io.StringIO()):
            metric = METRICS.build(self.settings)
        metric.dataset_meta = self.metainfo
        return metric

    def _evaluate(self) -> None:
        self.metric.process({}, self.answers)
        self.figures = self.metric.evaluate(len(self.answers))


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
    """A sentence on figures that are equal.

    Raises:
        DistilPoseError: they are not.
    """
    different = [name for name in mine.keys() | published.keys() if not _is_same(mine.get(name), published.get(name))]
    if different:
        raise DistilPoseError('the two ways come to different figures: ' + ', '.join(
            f'{name} {mine.get(name)} and {published.get(name)}' for name in sorted(different)))
    return (f'Both ways come to the same {len(mine)} figures, such as '
            + ', '.join(f'{name} {value:.6f}' for name, value in list(mine.items())[:1]) + '.')


def _is_same(one: float | None, other: float | None) -> bool:
    return one == other or (one is not None and other is not None and math.isnan(one) and math.isnan(other))
