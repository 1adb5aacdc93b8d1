"""From three trained models to figures and a page."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.model import BaseModel

from distilpose.errors import DistilPoseError
from distilpose.evaluation import Evaluation, People, build_validation, evaluate, person_panels, read_people
from distilpose.report import Curve, ModelFigures, Report, write_page

from .evaluation import load_model, measure_cost
from .showcase import choose_people, heatmap_pairs

PANELS, HEATMAPS = 6, 4


@dataclass(frozen=True)
class Trained:
    """A finished training: its config, its folder, and the digest of its weights."""

    cfg: Config
    folder: Path
    digest: str

    def curve(self, name: str) -> list[float]:
        """One loss at every iteration; empty when it was not recorded."""
        file = self.folder / 'curves.json'
        try:
            history = json.loads(file.read_text(encoding='utf-8'))
            return [math.nan if value is None else float(value) for value in history.get(name, [])]
        except (ValueError, TypeError, AttributeError, OSError, RecursionError) as error:
            raise DistilPoseError(f'{file} holds no curves of a training ({error}); delete {self.folder} to train '
                                  'again') from error


@dataclass(frozen=True)
class Comparison:
    """All that was measured, and what is needed to draw it."""

    figures: dict[str, dict[str, float]]
    """role -> the fields of :class:`~distilpose.report.ModelFigures`."""
    evaluations: dict[str, Evaluation]
    models: dict[str, BaseModel]
    dataset: BaseDataset
    people: People


def compare(trained: Mapping[str, Trained]) -> Comparison:
    """Evaluates all models on the same people."""
    reference = trained['baseline'].cfg
    dataset = build_validation(reference)
    people = read_people(dataset)
    size = tuple(reference.codec['input_size'])
    figures, evaluations, models = {}, {}, {}
    for role, item in trained.items():
        models[role] = load_model(item.cfg, item.folder / 'weights.pth')
        evaluations[role] = evaluate(models[role], item.cfg, dataset=dataset, people=people)
        figures[role] = {**evaluations[role].figures, **measure_cost(models[role], size)}
    return Comparison(figures, evaluations, models, dataset, people)


def write_report(comparison: Comparison, trained: Mapping[str, Trained], *, path: Path, titles: Mapping[str, str],
                 facts: Mapping[str, str], durations: Mapping[str, float]) -> None:
    """Draws the pictures and writes the page."""
    dataset, people = comparison.dataset, comparison.people
    chosen = choose_people(people, PANELS)
    students = ('baseline', 'distilled')
    rows = {role: ModelFigures(role=role, title=titles[role], **figures)
            for role, figures in comparison.figures.items()}
    names = dataset.metainfo['keypoint_id2name']
    write_page(Report(
        **rows, budget=describe_budget(trained, people),
        student_curves=[Curve(role, titles[role], trained[role].curve('loss_kpt')) for role in students],
        teacher_curves=[Curve('teacher', titles['teacher'], trained['teacher'].curve('loss_kpt'))],
        panels=person_panels(chosen, dataset, people=people, evaluations=comparison.evaluations),
        heatmaps=heatmap_pairs(chosen[:HEATMAPS], dataset, people=people, teacher=comparison.models['teacher'],
                               student=comparison.models['distilled']),
        links=[(int(start), int(end)) for start, end in dataset.metainfo['skeleton_links']],
        joint_names=[names[index] for index in range(len(names))], facts=facts, durations=durations), path)


def describe_budget(trained: Mapping[str, Trained], people: People) -> str:
    """One sentence about what both students were given."""
    cfg = trained['distilled'].cfg
    iterations = len(trained['distilled'].curve('loss'))
    return (f'Two students of the same width and depth, trained with the same seed for {iterations:,} iterations of '
            f'{cfg.train_dataloader.batch_size} crops, in the same order, with the same schedule. One of them was also '
            f'shown what a teacher sees. Measured on {len(people.areas):,} people that none of the three has seen.')
