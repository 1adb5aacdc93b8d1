"""hotcoco's figures against pycocotools'; skipped where it is not installed (docs/dependencies.md).

The figures are quotients of counts, in compiled code and in numpy: equal to the last digits, or a count is another.
"""

from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pycocotools import cocoeval

from distilpose.errors import DistilPoseError
from distilpose.host import hotcoco
from distilpose.host.xtcoco import COCO, COCOeval
from tests.host.test_xtcoco import COUNTS, random_people

needs_hotcoco = pytest.mark.skipif(hotcoco._hotcoco() is None, reason=f'no hotcoco {hotcoco.COMPARED}')
FIGURES = ('precision', 'recall', 'scores')


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def evaluations(truth: dict, detections: list[dict], kind: str = 'keypoints', *, sigmas: Any = None,
                use_area: bool = True, is_finite: bool = True, **params: Any) -> tuple[COCOeval, COCOeval]:
    """By hotcoco, where all is finite, and by pycocotools."""
    annotated = COCO()
    annotated.dataset = copy.deepcopy(truth)
    annotated.createIndex()
    found = annotated.loadRes(copy.deepcopy(detections))
    quick, plain = (COCOeval(annotated, found, kind, sigmas, use_area=use_area) for _ in range(2))
    for evaluation in (quick, plain):
        for name, value in params.items():
            setattr(evaluation.params, name, value)
        evaluation.evaluate()
    assert (quick._eval_imgs is None) is is_finite
    quick.accumulate()
    assert plain.evalImgs  # made by pycocotools, whose own accumulation follows
    plain.accumulate()
    return quick, plain


def assert_equal(quick: COCOeval, plain: COCOeval) -> None:
    for name in FIGURES:
        np.testing.assert_allclose(quick.eval[name], plain.eval[name], rtol=1e-12)
    assert quick.eval['counts'] == plain.eval['counts']
    for evaluation in (quick, plain):
        evaluation.summarize()
    np.testing.assert_allclose(quick.stats, plain.stats, rtol=1e-12)


@needs_hotcoco
@pytest.mark.parametrize('part', COUNTS)
def test_equals_pycocotools(part: str) -> None:
    """People and crowds, hits, misses and empty images; tied scores at odd seeds; mmpose's sigmas are float32."""
    for seed, dtype in enumerate((np.float32, np.float64, np.float32)):
        sigmas = np.random.default_rng(5).uniform(0.02, 0.1, COUNTS[part]).astype(dtype)
        truth, detections = random_people(seed, first_id=seed % 2, part_scores=seed == 2)
        for entry in detections if seed % 2 else ():
            entry['score'] = round(entry['score'], 1)
        kind = part if part == 'keypoints' else f'keypoints_{part}'
        assert_equal(*evaluations(truth, detections, kind, sigmas=sigmas, use_area=seed != 1))


def crowded(seed: int) -> tuple[dict, list[dict]]:
    """More answers an image than count (20), all scores tied, people twice, and areas on the limits of the ranges."""
    truth, detections = random_people(seed)
    for number, person in enumerate(truth['annotations']):
        person['area'] = (32 ** 2, 96 ** 2, person['area'])[number % 3]
    twice = [dict(person, id=1000 + person['id']) for person in truth['annotations'][::4]]
    truth['annotations'] += twice
    return truth, [dict(entry, score=0.5) for entry in detections * 5]


@needs_hotcoco
def test_equals_pycocotools_in_crowds() -> None:
    for seed in range(2):
        assert_equal(*evaluations(*crowded(seed)))


@needs_hotcoco
def test_equals_pycocotools_for_other_parameters() -> None:
    truth, detections = random_people(1)
    quick, plain = evaluations(truth, detections, imgIds=[7, 3, 4, 3, 12], maxDets=[20, 3],
                               iouThrs=np.array([0.3, 0.5]), areaRng=[[0, 1e10]], areaRngLbl=['all'])
    assert quick.eval['precision'].shape == (2, 101, 1, 1, 2)
    for name in FIGURES:
        np.testing.assert_allclose(quick.eval[name], plain.eval[name], rtol=1e-12)


@needs_hotcoco
def test_nobody_and_nothing() -> None:
    truth, detections = random_people(1)
    assert_equal(*evaluations({**truth, 'annotations': []}, detections))
    assert_equal(*evaluations(truth, detections[:1]))


@needs_hotcoco
def test_perfect_answers() -> None:
    truth, _ = random_people(3)
    quick, plain = evaluations(truth, [dict(person, score=1.0) for person in truth['annotations']])
    assert_equal(quick, plain)
    assert quick.stats[0] == pytest.approx(1.0)


@needs_hotcoco
@pytest.mark.parametrize(('part', 'field'), [('keypoints', 'keypoints'), ('foot', 'foot_kpts')])
@pytest.mark.parametrize('with_box', [False, True])
def test_what_is_no_number_is_left_out(part: str, field: str, with_box: bool) -> None:
    """pycocotools takes NaN for a match with everybody; a detection without it gives the same figures as none."""
    for value in (float('nan'), float('inf')):
        truth, detections = random_people(1)
        for entry in detections if with_box else ():
            entry['bbox'] = [1.0, 2.0, 30.0, 40.0]
        kind = part if part == 'keypoints' else f'keypoints_{part}'
        sigmas = np.full(COUNTS.get(part, 17), 0.05)
        _, without = evaluations(truth, detections[1:], kind, sigmas=sigmas)
        detections[0][field][3] = value
        quick, plain = evaluations(truth, detections, kind, sigmas=sigmas, is_finite=part != 'keypoints')
        assert_equal(quick, plain)
        assert_equal(quick, without)


@needs_hotcoco
@pytest.mark.parametrize('name', ['score', 'keypoints'])
def test_detections_of_nan_find_nobody(name: str) -> None:
    truth, _ = random_people(3)
    detections = [dict(person, score=1.0) for person in truth['annotations']]
    for entry in detections:
        entry[name] = np.nan if name == 'score' else [np.nan, np.nan, 1.0] * 17
    quick, plain = evaluations(truth, detections, is_finite=False)
    for evaluation in (quick, plain):
        evaluation.summarize()
        assert evaluation.stats[0] == 0


@needs_hotcoco
@pytest.mark.parametrize('fewer', ['truth', 'detections', 'sigmas'])
def test_other_numbers_of_keypoints_are_left_to_pycocotools(fewer: str) -> None:
    """It refuses them; hotcoco would compute something."""
    truth, detections = random_people(1)
    for entry in dict(truth=truth['annotations'], detections=detections, sigmas=[])[fewer]:
        entry['keypoints'] = entry['keypoints'][:42]
    with pytest.raises(ValueError, match='could not be broadcast'):
        evaluations(truth, detections, sigmas=np.full(14 if fewer == 'sigmas' else 17, 0.05))


@needs_hotcoco
def test_answers_may_hold_more() -> None:
    """Boxes, of which pycocotools makes the area, and what hotcoco could not keep."""
    truth, detections = random_people(2)
    for entry in detections:
        entry.update(bbox=[1.0, 2.0, 60.0, 70.0], center=np.zeros(2))
    assert_equal(*evaluations(truth, detections))


@needs_hotcoco
def test_answers_on_images_without_people_are_misses() -> None:
    truth, detections = random_people(2)
    somewhere = {person['image_id'] for person in truth['annotations'][::2]}
    truth['annotations'] = [person for person in truth['annotations'] if person['image_id'] in somewhere]
    assert {entry['image_id'] for entry in detections} - somewhere
    assert_equal(*evaluations(truth, detections))


@needs_hotcoco
def test_people_are_converted_once_until_they_change() -> None:
    truth, detections = random_people(2)
    annotated = COCO()
    annotated.dataset = truth
    annotated.createIndex()
    found = annotated.loadRes(detections)

    def evaluate(kind: str = 'keypoints', use_area: bool = True) -> COCOeval:
        evaluation = COCOeval(annotated, found, kind, use_area=use_area)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        return evaluation

    first, again, of_boxes, crowd = evaluate(), evaluate(), evaluate(use_area=False), evaluate('keypoints_crowd')
    assert first._converted[0] is again._converted[0] is not of_boxes._converted[0]
    assert of_boxes._converted[0] is not crowd._converted[0] is evaluate('keypoints_crowd')._converted[0]
    for change in (dict(area=10.0), dict(keypoints=[5.0, 5.0, 0] * 17), dict(iscrowd=1)):
        truth['annotations'][0].update(change)
        changed = evaluate()
        assert changed._converted[0] is not first._converted[0]
        assert changed.evalImgs  # made by pycocotools
        plain = copy.copy(changed)
        plain.accumulate()
        assert_equal(changed, plain)


@needs_hotcoco
def test_matches_are_there_after_the_figures() -> None:
    quick, plain = evaluations(*random_people(2))
    figures = quick.eval
    assert len(quick.evalImgs) == len(plain.evalImgs) and quick.ious
    assert quick.eval is figures


def test_without_hotcoco_it_is_pycocotools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hotcoco, '_hotcoco', lambda: None)
    truth, detections = random_people(1)
    annotated = COCO()
    annotated.dataset = truth
    annotated.createIndex()
    evaluation = COCOeval(annotated, annotated.loadRes(detections), 'keypoints')
    evaluation.evaluate()
    assert isinstance(evaluation._eval_imgs, list)
    evaluation.accumulate()
    plain = cocoeval.COCOeval(annotated, annotated.loadRes(copy.deepcopy(detections)), 'keypoints')
    assert evaluation.eval['precision'].shape == (10, 101, 1, 3, 1) and plain.params.maxDets == [20]


@pytest.fixture
def unknown() -> Iterator[None]:
    """It has not been looked for yet."""
    hotcoco._hotcoco.cache_clear()
    yield
    hotcoco._hotcoco.cache_clear()


@pytest.mark.parametrize(('version', 'chosen', 'said'), [
    (None, None, 'hotcoco gives the same ones sooner'), ('9.9', None, 'hotcoco 9.9'),
    ('1.3.0', 'pycocotools', 'as DISTILPOSE_COCO_EVALUATION says')])
def test_the_log_says_once_what_computes(monkeypatch: pytest.MonkeyPatch, unknown: None, version: str | None,
                                         chosen: str | None, said: str) -> None:
    lines: list[str] = []
    if chosen:
        monkeypatch.setenv(hotcoco.SWITCH, chosen)
    monkeypatch.setattr(hotcoco, 'print_log', lambda line, logger: lines.append(line))
    monkeypatch.setattr(hotcoco.importlib.util, 'find_spec', lambda name: version)
    monkeypatch.setattr(hotcoco.importlib.metadata, 'version', lambda name: version)
    assert [hotcoco._hotcoco(), hotcoco._hotcoco()] == [None, None]
    assert len(lines) == 1 and said in lines[0]


@needs_hotcoco
def test_the_log_says_that_hotcoco_computes(monkeypatch: pytest.MonkeyPatch, unknown: None) -> None:
    lines: list[str] = []
    monkeypatch.setattr(hotcoco, 'print_log', lambda line, logger: lines.append(line))
    assert hotcoco._hotcoco() is hotcoco._hotcoco() is not None
    assert len(lines) == 1 and 'computed by hotcoco 1.3.0; DISTILPOSE_COCO_EVALUATION=pycocotools' in lines[0]


def test_an_unknown_choice_is_a_sentence(monkeypatch: pytest.MonkeyPatch, unknown: None) -> None:
    monkeypatch.setenv(hotcoco.SWITCH, 'coco')
    with pytest.raises(DistilPoseError, match="is 'coco'; it must be hotcoco or pycocotools"):
        hotcoco._hotcoco()
