"""``distilpose.host.xtcoco`` against figures of the real xtcocotools 1.14.3 on random people.

``python tests/host/test_xtcoco.py`` writes the figures again, where the real package can be imported.
"""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest

FIGURES = Path(__file__).parents[1] / 'data' / 'xtcocotools_figures.json'
PARTS = dict(keypoints=17, foot_kpts=6, face_kpts=68, lefthand_kpts=21, righthand_kpts=21)
COUNTS = dict(keypoints=17, crowd=17, body=17, foot=6, face=68, lefthand=21, righthand=21, wholebody=133)


def random_people(seed: int, *, first_id: int = 1, part_scores: bool = False) -> tuple[dict, list[dict]]:
    """Ground truth and detections of 30 images with up to six people: hits, misses, crowds, empty and unlabelled."""
    random = np.random.default_rng(seed)
    images, annotations, detections = [], [], []
    for image_id in range(30):
        images.append(dict(id=image_id, width=640, height=480, crowdIndex=round(float(random.random()), 3)))
        for _ in range(random.integers(0, 7)):
            left, top, width, height = (*random.uniform(0, 300, 2), *random.uniform(20, 250, 2))
            person = dict(id=first_id + len(annotations), image_id=image_id, category_id=1)
            found = dict(image_id=image_id, category_id=1, score=round(float(random.random()), 4))
            error = random.choice([0.01, 0.03, 0.1])
            for name, number in PARTS.items():
                points = random.random((number, 2)) * (width, height) + (left, top)
                visible = random.choice([0, 1, 2], number) * (random.random() < 0.8)
                noisy = points + random.normal(0, error, (number, 2)) * np.hypot(width, height)
                confidence = random.random((number, 1)) * (random.random() < 0.95)
                labelled = np.concatenate([points * (visible > 0)[:, None], visible[:, None]], 1)
                person[name] = labelled.round(2).ravel().tolist()
                found[name] = np.concatenate([noisy, confidence], 1).round(3).ravel().tolist()
            person['num_keypoints'] = int(np.count_nonzero(np.array(person['keypoints'])[2::3] == 2))
            person['bbox'] = [round(float(value), 2) for value in (left, top, width, height)]
            person['area'] = round(float(width * height * random.uniform(0.3, 0.7)), 2)
            person['iscrowd'] = int(random.random() < 0.08)
            annotations.append(person)
            if part_scores:
                found.update({f'{part}_score': round(float(random.random()), 4) for part in COUNTS})
            detections += [found] * int(random.choice([0, 1, 1, 1, 2]))
    truth = dict(info={}, images=images, annotations=annotations, categories=[dict(id=1, name='person')])
    return truth, [dict(found) for found in detections]


CASES = [
    dict(iou_type=name if name == 'keypoints' else f'keypoints_{name}', seed=seed, use_area=use_area, first_id=first_id)
    for name in COUNTS
    for seed, use_area, first_id in ((0, True, 1), (1, False, 1), (2, True, 0))
]


def case_name(case: dict) -> str:
    return f'{case["iou_type"]}-{case["seed"]}-{"area" if case["use_area"] else "box"}-from{case["first_id"]}'


def statistics(coco: type, evaluation: type, case: dict, folder: Path) -> list[float]:
    """The figures of one case: ground truth and detections written to files, as mmpose's metrics do."""
    truth, detections = random_people(case['seed'], first_id=case['first_id'], part_scores=case['seed'] == 2)
    for name, content in (('truth', truth), ('detections', detections)):
        (folder / f'{name}.json').write_text(json.dumps(content))
    count = COUNTS[case['iou_type'].removeprefix('keypoints_')]
    sigmas = np.random.default_rng(5).uniform(0.02, 0.1, count)
    with contextlib.redirect_stdout(io.StringIO()):
        ground_truth = coco(str(folder / 'truth.json'))
        found = ground_truth.loadRes(str(folder / 'detections.json'))
        evaluated = evaluation(ground_truth, found, case['iou_type'], sigmas, use_area=case['use_area'])
        evaluated.evaluate()
        evaluated.accumulate()
        evaluated.summarize()
    return [float(value) for value in evaluated.stats]


@pytest.mark.parametrize('case', CASES, ids=case_name)
def test_equals_xtcocotools(case: dict, tmp_path: Path) -> None:
    from distilpose.host.xtcoco import COCO, COCOeval

    expected = json.loads(FIGURES.read_text())[case_name(case)]
    assert len(expected) == (9 if case['iou_type'] == 'keypoints_crowd' else 10)
    assert statistics(COCO, COCOeval, case, tmp_path) == pytest.approx(expected, abs=1e-12)


def test_figures_are_worth_comparing() -> None:
    figures = json.loads(FIGURES.read_text())
    assert len(figures) == len(CASES) == 24
    assert len({tuple(value) for value in figures.values()}) == 21  # keypoints and keypoints_body are one
    assert all(0.02 < value[0] < 0.98 for value in figures.values())


def test_ground_truth_as_detections_is_perfect(tmp_path: Path) -> None:
    from distilpose.host.xtcoco import COCO, COCOeval

    truth, _ = random_people(3)
    with contextlib.redirect_stdout(io.StringIO()):
        ground_truth = COCO()
        ground_truth.dataset = truth
        ground_truth.createIndex()
        copies = [dict(person, score=1.0) for person in truth['annotations']]
        evaluated = COCOeval(ground_truth, ground_truth.loadRes(copies), 'keypoints_wholebody', np.full(133, 0.05))
        evaluated.evaluate()
        evaluated.accumulate()
        evaluated.summarize()
    assert evaluated.stats[0] == pytest.approx(1.0) and evaluated.stats[5] == pytest.approx(1.0)


def test_no_detection_scores_nothing() -> None:
    from distilpose.host.xtcoco import COCO, COCOeval

    truth, _ = random_people(3)
    with contextlib.redirect_stdout(io.StringIO()):
        ground_truth = COCO()
        ground_truth.dataset = truth
        ground_truth.createIndex()
        evaluated = COCOeval(ground_truth, ground_truth.loadRes([]), 'keypoints')
        evaluated.evaluate()
        evaluated.accumulate()
        evaluated.summarize()
    assert evaluated.stats[0] == 0.0


def test_results_are_read_as_pycocotools_reads_them(tmp_path: Path) -> None:
    """Number, box and area of keypoints, which are computed all at once, and of results that come with a box."""
    from pycocotools import coco

    from distilpose.host.xtcoco import COCO

    truth, detections = random_people(4)
    detections[3]['keypoints'] = [7] * 51
    for results in (detections, [dict(entry, bbox=[1.0, 2.0, 30.0, 40.5]) for entry in detections], detections[:1]):
        read = []
        for number, kind in enumerate((COCO, coco.COCO)):
            file = tmp_path / f'{number}.json'
            file.write_text(json.dumps(results))
            with contextlib.redirect_stdout(io.StringIO()):
                annotated = kind()
                annotated.dataset = truth
                annotated.createIndex()
                found = annotated.loadRes(str(file))
            read.append((found.dataset, found.anns, found.imgToAnns, found.cats, found.getImgIds()))
        assert read[0] == read[1] and len(read[0][0]['annotations']) == len(results)
    with pytest.raises(AssertionError, match='do not correspond'):
        annotated.loadRes([dict(detections[0], image_id=10 ** 9)])


def test_wrong_input_is_a_sentence() -> None:
    from distilpose.host.xtcoco import COCO, COCOeval

    with pytest.raises(ValueError, match="iouType is 'keypoints_ears'"):
        COCOeval(iouType='keypoints_ears')
    truth, detections = random_people(0)
    for person in truth['annotations']:
        del person['foot_kpts']
    with contextlib.redirect_stdout(io.StringIO()):
        ground_truth = COCO()
        ground_truth.dataset = truth
        ground_truth.createIndex()
        found = ground_truth.loadRes(detections)
        with pytest.raises(ValueError, match="needs \\['foot_kpts'\\]"):
            COCOeval(ground_truth, found, 'keypoints_foot').evaluate()


def test_a_missing_area_is_053_of_the_box() -> None:
    from distilpose.host.xtcoco import COCO, COCOeval

    stats = []
    for use_area in (True, False):
        truth, detections = random_people(5)
        for person in truth['annotations']:
            del person['area']
        with contextlib.redirect_stdout(io.StringIO()):
            ground_truth = COCO()
            ground_truth.dataset = truth
            ground_truth.createIndex()
            evaluated = COCOeval(ground_truth, ground_truth.loadRes(detections), 'keypoints', use_area=use_area)
            evaluated.evaluate()
            evaluated.accumulate()
            evaluated.summarize()
        stats.append(evaluated.stats.tolist())
    assert stats[0] == stats[1] and 0 < stats[0][0] < 1


def test_reading_annotations_prints_nothing_and_indexes_them_as_pycocotools_does(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pycocotools import coco

    from distilpose.host import xtcoco

    content = dict(images=[dict(id=7), dict(id=9)], categories=[dict(id=1, name='person')],
                   annotations=[dict(id=3, image_id=7, category_id=1, iscrowd=0),
                                dict(id=4, image_id=7, category_id=1, iscrowd=1)])
    file = tmp_path / 'people.json'
    file.write_text(json.dumps(content))
    found = xtcoco.COCO(str(file))
    assert capsys.readouterr() == ('', '')
    expected = coco.COCO(str(file))
    for name in ('dataset', 'anns', 'imgs', 'cats', 'imgToAnns', 'catToImgs'):
        assert getattr(found, name) == getattr(expected, name)
    assert found.getAnnIds(imgIds=[7], iscrowd=True) == [4]


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    from distilpose.errors import DistilPoseError
    from distilpose.host import xtcoco

    (tmp_path / 'list.json').write_text('[1, 2]')
    with pytest.raises(DistilPoseError, match='list.json is no annotation file in the format of COCO: it holds a list'):
        xtcoco.COCO(tmp_path / 'list.json')


if __name__ == '__main__':
    import tempfile

    from xtcocotools.coco import COCO as RealCOCO
    from xtcocotools.cocoeval import COCOeval as RealCOCOeval

    with tempfile.TemporaryDirectory() as name:
        written = {case_name(case): statistics(RealCOCO, RealCOCOeval, case, Path(name)) for case in CASES}
    FIGURES.write_text('{\n' + ',\n'.join(f'"{key}": {json.dumps(value)}' for key, value in written.items()) + '\n}\n')
