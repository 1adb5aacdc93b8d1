"""Figures and their draws: the draw of every image once is the figure itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from distilpose.compare.measure import FIGURES, Validation, by_keypoint, estimate, evaluate, evaluation_of
from distilpose.compare.plans import Plan
from distilpose.compare.runs import Run
from distilpose.config.models import build_estimator
from distilpose.engine import read_config
from distilpose.evaluation import Evaluation, People, object_keypoint_similarity, share_of_correct_keypoints
from tests.engine import tiny
from tests.evaluation.crowds import SIGMAS, answer, make_crowd
from tests.evaluation.test_average_precision import by_pycocotools


def make_people(truth: dict) -> People:
    """Everybody with a labelled joint, as mmpose's data sets have them."""
    kept = [entry for entry in truth['annotations'] if entry['num_keypoints']]
    triples = np.array([entry['keypoints'] for entry in kept]).reshape(len(kept), 17, 3)
    return People(triples[..., :2], triples[..., 2] > 0, np.array([entry['bbox'] for entry in kept], float),
                  np.array([entry['area'] for entry in kept]), np.array([entry['image_id'] for entry in kept]))


def make_evaluation(*, error: float, seed: int = 1) -> tuple[Evaluation, People]:
    truth = make_crowd(images=60)
    detections = answer(truth, error=error, seed=seed)
    people = make_people(truth)
    kept = [place for place, entry in enumerate(truth['annotations']) if entry['num_keypoints']]
    predictions = np.array([detections[place]['keypoints'] for place in kept]).reshape(-1, 17, 3)[..., :2]
    oks = object_keypoint_similarity(predictions, people.keypoints, labelled=people.labelled, areas=people.areas,
                                     sigmas=SIGMAS)
    pck = share_of_correct_keypoints(predictions, people.keypoints, labelled=people.labelled, boxes=people.boxes)
    figures = dict(zip(('ap', 'ap50', 'ap75'), by_pycocotools(truth, detections), strict=True))
    return Evaluation(predictions, oks, dict(figures, mean_oks=oks.mean(), pck=pck), detections, truth), people


def test_drawing_every_image_once_gives_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluation, people = make_evaluation(error=25)
    monkeypatch.setattr('distilpose.compare.measure.draw_images', lambda number: np.ones((2, number), int))
    for name, found in estimate(evaluation, people, sigmas=SIGMAS).items():
        assert found.draws == pytest.approx([evaluation.figures[name]] * 2, abs=1e-12), name


def test_draws_lie_around_the_figures() -> None:
    evaluation, people = make_evaluation(error=25)
    found = estimate(evaluation, people, sigmas=SIGMAS)
    assert tuple(found) == FIGURES
    for name, entry in found.items():
        low, high = np.quantile(entry.draws, [0.025, 0.975])
        assert low < entry.value < high and 0.01 < high - low < 0.4, name
        assert entry.draws.mean() == pytest.approx(entry.value, abs=0.02), name


def test_the_same_answers_have_the_same_draws() -> None:
    first, second = (estimate(*make_evaluation(error=25), sigmas=SIGMAS) for _ in range(2))
    assert all(np.array_equal(first[name].draws, second[name].draws) for name in FIGURES)


def test_a_person_without_a_known_similarity_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluation, people = make_evaluation(error=25)
    monkeypatch.setattr('distilpose.compare.measure.draw_images', lambda number: np.ones((1, number), int))
    evaluation.oks[3] = np.nan
    found = estimate(evaluation, people, sigmas=SIGMAS)['mean_oks'].draws
    assert found == pytest.approx([np.nanmean(evaluation.oks)])


def test_every_keypoint_is_measured_by_itself() -> None:
    evaluation, people = make_evaluation(error=0)
    evaluation.predictions[:, 5] += 60
    for entry in evaluation.detections:
        entry['keypoints'][15:17] = [value + 60 for value in entry['keypoints'][15:17]]
    found = by_keypoint(evaluation, people, sigmas=SIGMAS)
    others = np.arange(17) != 5
    for name in ('ap', 'oks', 'pck'):
        assert found[name][others] == pytest.approx(np.ones(16)), name
        assert found[name][5] < 0.1, name


def test_the_mean_over_keypoints_agrees_with_the_whole() -> None:
    evaluation, people = make_evaluation(error=25)
    found = by_keypoint(evaluation, people, sigmas=SIGMAS)
    numbers = people.labelled.sum(axis=0)
    assert (found['pck'] * numbers).sum() / numbers.sum() == pytest.approx(evaluation.figures['pck'])


def test_a_keypoint_that_nobody_has_is_unknown() -> None:
    evaluation, people = make_evaluation(error=25)
    people.labelled[:, 2] = False
    for entry in evaluation.truth['annotations']:
        entry['keypoints'][8] = 0
    found = by_keypoint(evaluation, people, sigmas=SIGMAS)
    assert all(np.isnan(found[name][2]) and np.isfinite(found[name][3]) for name in ('ap', 'oks', 'pck'))


def test_a_loaded_model_has_the_metrics_of_its_checkpoint(tmp_path: Path) -> None:
    student, _ = tiny.write_distillation(tmp_path, tiny.write_data(tmp_path / 'data'))
    cfg = read_config(student)
    torch.manual_seed(1)
    model = build_estimator(cfg.model.to_dict()).eval()
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'model.pth')
    run = Run(Plan('baseline', 'student', str(student), {}, cfg), cfg, 0, tmp_path, tmp_path / 'model.pth', 0, {})
    validation = Validation.of(cfg, name='student')
    expected = evaluation_of(run, validation)
    found = evaluate(model, cfg, dataset=validation.dataset, people=validation.people)
    np.testing.assert_allclose(found.predictions, expected.predictions, atol=1e-3)
    np.testing.assert_allclose(found.oks, expected.oks, atol=1e-5)
    assert found.figures == pytest.approx(expected.figures, abs=1e-5)
    assert len(found.detections) == len(expected.detections) and found.truth['images'] == expected.truth['images']
