"""The whole body's metric: right and random answers, pycocotools on one part, absent parts, several processes."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.registry import DefaultScope
from mmpose.datasets import CocoWholeBodyDataset
from mmpose.registry import METRICS
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from distilpose.errors import DistilPoseError
from distilpose.evaluation import WholeBodyPartsMetric
from distilpose.evaluation.whole_body import FIGURES, PARTS
from distilpose.synthetic import make_dataset

from .whole_body_people import Answer, answered, anywhere, noisy, read_people, truth, write_random_people

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ('real', 'synthetic', 'random')


@pytest.fixture(scope='module')
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp('people') / 'data', images=12, seed=0, size=192, val_fraction=0.5)


def annotations_of(source: str, request: pytest.FixtureRequest) -> Path:
    if source == 'real':
        return request.getfixturevalue('shared') / 'data/mmpose_samples/coco/test_coco_wholebody.json'
    if source == 'synthetic':
        return request.getfixturevalue('synthetic') / 'annotations/coco_wholebody_val.json'
    return write_random_people(request.getfixturevalue('tmp_path'))


def evaluate(file: Path, answer: Answer, **options: Any) -> dict[str, float]:
    people = read_people(file)
    with DefaultScope.overwrite_default_scope('mmpose'):
        metric = METRICS.build(dict(type='WholeBodyPartsMetric', **{'ann_file': str(file), **options}))
    metric.dataset_meta = people.metainfo
    metric.process([], answered((people.get_data_info(index) for index in range(len(people))), answer))
    return metric.evaluate(len(people))


def without(file: Path, folder: Path, part: str) -> Path:
    """The same annotations with a part that nobody has."""
    field, place = PARTS[part]
    content = json.loads(file.read_text())
    for person in content['annotations']:
        person[field] = [0] * 3 * (place.stop - place.start)
    changed = folder / f'without_{part}.json'
    changed.write_text(json.dumps(content))
    return changed


@pytest.mark.parametrize('source', SOURCES)
def test_ground_truth_as_answer_is_perfect_in_every_part(source: str, request: pytest.FixtureRequest) -> None:
    figures = evaluate(annotations_of(source, request), truth)
    for prefix in ('', *(f'{part}/' for part in PARTS)):
        for name in ('AP', 'AP .5', 'AP .75', 'AR', 'AR .5', 'AR .75'):
            assert figures[f'coco-wholebody/{prefix}{name}'] == pytest.approx(1.0), (prefix, name)


@pytest.mark.parametrize('source', SOURCES)
def test_random_answers_are_worth_nothing(source: str, request: pytest.FixtureRequest) -> None:
    figures = evaluate(annotations_of(source, request), anywhere())
    assert all(figures[f'coco-wholebody/{prefix}AP'] < 0.02 for prefix in ('', *(f'{part}/' for part in PARTS)))


def test_names_and_their_order(tmp_path: Path) -> None:
    """The whole body comes first under mmpose's names, so that save_best='coco-wholebody/AP' means what it meant."""
    figures = evaluate(write_random_people(tmp_path), noisy(0.02))
    assert list(figures) == [f'coco-wholebody/{prefix}{name}' for prefix in ('', *(f'{part}/' for part in PARTS))
                             for name in FIGURES]
    assert all(type(value) is float for value in figures.values())


def test_whole_body_is_mmposes(tmp_path: Path) -> None:
    file = write_random_people(tmp_path)
    people = read_people(file)
    with DefaultScope.overwrite_default_scope('mmpose'):
        theirs = METRICS.build(dict(type='CocoWholeBodyMetric', ann_file=str(file)))
    theirs.dataset_meta = people.metainfo
    theirs.process([], answered((people.get_data_info(index) for index in range(len(people))), noisy(0.02)))
    expected = theirs.evaluate(len(people))
    figures = evaluate(file, noisy(0.02))
    assert {name: figures[name] for name in expected} == pytest.approx(expected, rel=1e-9)  # by other functions
    assert 0.1 < figures['coco-wholebody/AP'] < 0.9


@pytest.mark.parametrize('part', PARTS)
def test_a_part_equals_pycocotools_on_its_keypoints(part: str, tmp_path: Path) -> None:
    """COCO's own evaluation of annotations and results which have no other keypoints than the part's."""
    field, place = PARTS[part]
    file = write_random_people(tmp_path)
    figures = evaluate(file, noisy(0.02), outfile_prefix=str(tmp_path / 'results'))
    content = json.loads(file.read_text())
    for person in content['annotations']:
        person['keypoints'] = person[field]
        person['num_keypoints'] = int(np.count_nonzero(np.array(person[field])[2::3]))
    results = json.loads((tmp_path / 'results.keypoints.json').read_text())
    with contextlib.redirect_stdout(io.StringIO()):
        annotated = COCO()
        annotated.dataset = content
        annotated.createIndex()
        found = annotated.loadRes([dict(image_id=result['image_id'], category_id=1, keypoints=result[field],
                                        score=result['score']) for result in results])
        for answer, result in zip(found.dataset['annotations'], results, strict=True):
            spread = np.ptp(np.array(result['keypoints']).reshape(-1, 3)[:, :2], axis=0)
            answer['area'] = float(spread[0] * spread[1])  # the size of an answer is that of its body
        evaluation = COCOeval(annotated, found, 'keypoints')
        evaluation.params.kpt_oks_sigmas = np.array(read_people(file).metainfo['sigmas'][place])
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert [figures[f'coco-wholebody/{part}/{name}'] for name in FIGURES] == pytest.approx(evaluation.stats.tolist())
    assert 0.05 < evaluation.stats[0] < 0.98


def test_sigmas_are_the_published_ones() -> None:
    """Those of the body are COCO's, both hands have the same, and the toes and heels are COCO-WholeBody's."""
    sigmas = np.array(CocoWholeBodyDataset(lazy_init=True).metainfo['sigmas'])
    np.testing.assert_allclose(sigmas[PARTS['body'][1]], COCOeval(iouType='keypoints').params.kpt_oks_sigmas,
                               rtol=1e-6)
    np.testing.assert_array_equal(sigmas[PARTS['lefthand'][1]], sigmas[PARTS['righthand'][1]])
    np.testing.assert_allclose(sigmas[PARTS['foot'][1]], [0.068, 0.066, 0.066, 0.092, 0.094, 0.094], rtol=1e-6)


def test_a_person_counts_for_the_parts_that_are_labelled(request: pytest.FixtureRequest) -> None:
    """On the real sample the number of people to be found in a part is that of its true ``*_valid`` marks."""
    file = annotations_of('real', request)
    content = json.loads(file.read_text())
    for part, (field, _) in PARTS.items():
        labelled = [any(person[field][2::3]) for person in content['annotations']]
        if part != 'body':
            assert labelled == [person[f'{part}_valid'] for person in content['annotations']]
    faces = [person for person in content['annotations'] if person['face_valid']]
    lost = {person['id'] for person in faces[:1]}

    def answer(person: dict[str, Any]) -> np.ndarray:
        return truth(person) + (1000 if person['id'] in lost else 0)

    figures = evaluate(file, answer)
    assert figures['coco-wholebody/face/AR'] == pytest.approx(1 - 1 / len(faces))
    people = sum(any(person['keypoints'][2::3]) for person in content['annotations'])
    assert figures['coco-wholebody/body/AR'] == pytest.approx(1 - 1 / people) and people > len(faces)


@pytest.mark.parametrize('part', ['foot', 'lefthand'])
def test_a_part_that_nobody_has_is_nan(part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []
    monkeypatch.setattr('distilpose.evaluation.whole_body.print_log', lambda text, logger: logged.append(text))
    file = write_random_people(tmp_path)
    figures = evaluate(without(file, tmp_path, part), truth)
    assert all(math.isnan(figures[f'coco-wholebody/{part}/{name}']) for name in FIGURES)
    assert figures['coco-wholebody/AP'] == figures['coco-wholebody/face/AP'] == pytest.approx(1.0)
    assert f'no person in the annotations has a labelled keypoint of: {part};' in logged[0]


def test_ground_truth_from_the_data_set_is_the_files(tmp_path: Path) -> None:
    """Without ann_file the annotations come from the data set: those that it read, or those of its file."""
    file = write_random_people(tmp_path)
    assert evaluate(file, noisy(0.02), ann_file=None) == evaluate(file, noisy(0.02))


def test_a_file_of_other_keypoints_is_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / 'body.json'
    file.write_text(json.dumps(dict(images=[], categories=[dict(id=1)], annotations=[
        dict(id=7, image_id=0, category_id=1, iscrowd=0, keypoints=[0] * 51)])))
    with pytest.raises(DistilPoseError, match='annotation 7 of .* has no foot_kpts and no face_kpts .*ann_file'):
        WholeBodyPartsMetric(str(file))


def test_data_with_other_keypoints_are_a_sentence(tmp_path: Path) -> None:
    metric = WholeBodyPartsMetric(str(write_random_people(tmp_path)))
    metric.dataset_meta = dict(sigmas=np.ones(17), num_keypoints=17, dataset_name='coco')
    with pytest.raises(DistilPoseError, match='needs the 133 keypoints .* have 17'):
        metric._do_python_keypoint_eval(str(tmp_path / 'none'))


PROCESSES = """
import json, sys
from pathlib import Path
import distilpose
from mmengine.dist import get_dist_info, init_dist
from tests.evaluation.whole_body_people import answered, noisy, read_people
from distilpose.evaluation import WholeBodyPartsMetric
init_dist('pytorch', backend='gloo')
rank, world = get_dist_info()
people = read_people(Path(sys.argv[1]))
samples = answered((people.get_data_info(index) for index in range(len(people))), noisy(0.02))
metric = WholeBodyPartsMetric(sys.argv[1])
metric.dataset_meta = people.metainfo
metric.process([], samples[rank::world])
figures = metric.evaluate(len(people))
if rank == 0:
    open(sys.argv[2], 'w').write(json.dumps([world, figures]))
"""


@pytest.mark.slow
def test_two_processes_give_the_same_figures(tmp_path: Path) -> None:
    file = write_random_people(tmp_path)
    (tmp_path / 'script.py').write_text(PROCESSES)
    command = [sys.executable, '-m', 'torch.distributed.run', '--nproc-per-node=2', '--rdzv-backend=c10d',
               '--rdzv-endpoint=localhost:0', str(tmp_path / 'script.py'), str(file), str(tmp_path / 'figures.json')]
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': ''}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert result.returncode == 0, result.stderr[-3000:]
    world, figures = json.loads((tmp_path / 'figures.json').read_text())
    assert world == 2 and figures == pytest.approx(evaluate(file, noisy(0.02)), rel=1e-9)  # other processes


def test_answers_of_nan_find_nobody(tmp_path: Path) -> None:
    figures = evaluate(write_random_people(tmp_path), lambda joints: truth(joints) * np.nan)
    assert {value for value in figures.values() if not math.isnan(value)} == {0.0}
