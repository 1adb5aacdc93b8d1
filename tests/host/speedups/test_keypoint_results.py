"""mmpose's COCO metrics in arrays against mmpose's own: the same figures, to the bit, and the same files."""

from __future__ import annotations

import contextlib
import copy
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmpose.evaluation.metrics import CocoMetric, CocoWholeBodyMetric

from distilpose.benchmark.reference import evaluated_as_published
from distilpose.benchmark.synthetic_data import make_people, make_predictions
from distilpose.errors import DistilPoseError
from distilpose.evaluation import WholeBodyPartsMetric
from distilpose.host import hotcoco
from distilpose.host.speedups import keypoint_results
from distilpose.host.xtcoco_annotations import COCO, SPEEDUPS, KeypointArrays, kept_in_memory

Samples = list[dict[str, Any]]


def data(keypoints: int = 17, people: int = 15) -> tuple[dict[str, Any], Samples]:
    """Annotated people, crowds and unlabelled ones too, and three predictions of each."""
    truth = make_people(people, keypoints=keypoints)
    return truth, make_predictions(truth, keypoints=keypoints, per_person=3.0)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()):
        yield


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the metrics were computed in arrays, for every evaluation."""
    original, found = keypoint_results.compute_metrics, []

    def compute(*args: Any) -> Any:
        figures = original(*args)
        found.append(figures is not None)
        return figures

    monkeypatch.setattr(keypoint_results, 'compute_metrics', compute)
    return found


def evaluate(folder: Path, truth: dict[str, Any], samples: Samples, *, kind: type[CocoMetric] = CocoMetric,
             keypoints: int = 17, with_file: bool = True, **options: Any) -> list[Any]:
    """Figures of two evaluations of a metric, and the files that it leaves."""
    folder.mkdir()
    if with_file:
        options['ann_file'] = str(folder.parent / 'truth.json')
        Path(options['ann_file']).write_text(json.dumps(truth))
    if options.get('outfile_prefix'):
        options['outfile_prefix'] = str(folder / options['outfile_prefix'])
    metric = kind(**options)
    metric.dataset_meta = dict(num_keypoints=keypoints, dataset_name='nowhere', CLASSES=[dict(id=1, name='person')],
                               sigmas=np.random.default_rng(5).uniform(0.02, 0.1, keypoints).astype(np.float32))
    figures = []
    for _ in range(2):
        metric.process({}, copy.deepcopy(samples))
        figures.append(metric.evaluate(len(samples)))
    texts = {file.name: json.loads(file.read_text()) for file in folder.iterdir()}
    return [figures, {name: text if isinstance(text, list) else dict(text, info=None) for name, text in texts.items()}]


def assert_same(folder: Path, truth: dict[str, Any], samples: Samples, **options: Any) -> dict[str, float]:
    mine = evaluate(folder / 'mine', truth, samples, **options)
    with evaluated_as_published():
        theirs = evaluate(folder / 'theirs', truth, samples, **options)
    np.testing.assert_equal(mine, theirs)
    return mine[0][0]


def one_area(samples: Samples) -> Samples:
    """Without boxes, and with tied scores."""
    for sample in samples:
        del sample['gt_instances']['bbox_scales'], sample['pred_instances']['bboxes']
        sample['pred_instances']['bbox_scores'][:] = 0.5
        sample['pred_instances']['keypoint_scores'] = sample['pred_instances']['keypoint_scores'].round()
    return samples


def repeated(samples: Samples) -> Samples:
    """Numbers of samples twice, in no order, as several processes may collect them."""
    for sample in samples:
        sample['id'] //= 2
    return [samples[place] for place in np.random.default_rng(0).permutation(len(samples))]


def of_images(samples: Samples) -> Samples:
    """Two people in each prediction, as networks have it that find all people of an image."""
    for sample in samples:
        del sample['gt_instances']['bbox_scales']
        found = sample['pred_instances']
        sample.update(id=[sample['id'], sample['id']],
                      pred_instances={name: np.concatenate([values, values + 3]) for name, values in found.items()})
    return samples


CHANGES: dict[str, Callable[[Samples], Samples]] = dict(
    plain=lambda samples: samples, one_area=one_area, repeated=repeated, of_images=of_images,
    one=lambda samples: samples[:1])


@pytest.mark.parametrize(('mode', 'nms'), [
    ('bbox_keypoint', 'oks_nms'), ('bbox', 'oks_nms'), ('bbox_keypoint', 'soft_oks_nms'), ('bbox_rle', 'none'),
    ('keypoint', 'soft_oks_nms'), ('bbox_rle', 'oks_nms')])
@pytest.mark.parametrize('change', CHANGES)
def test_figures_are_mmposes(tmp_path: Path, computed: list[bool], change: str, mode: str, nms: str) -> None:
    truth, samples = data()
    figures = assert_same(tmp_path, truth, CHANGES[change](samples), score_mode=mode, nms_mode=nms, nms_thr=0.5)
    assert computed == [True, True] and (figures['coco/AP'] > 0.05 or change == 'one')


@pytest.mark.parametrize('change', CHANGES)
@pytest.mark.parametrize('options', [dict(), dict(use_area=False, iou_type='keypoints_crowd')], ids=['body', 'crowd'])
def test_files_are_mmposes(tmp_path: Path, computed: list[bool], options: dict, change: str) -> None:
    truth, samples = data(people=8)
    assert_same(tmp_path, truth, CHANGES[change](samples), outfile_prefix='results', **options)
    assert computed == [True, True] and (tmp_path / 'mine' / 'results.keypoints.json').is_file()


def test_files_only(tmp_path: Path, computed: list[bool]) -> None:
    assert assert_same(tmp_path, *data(people=8), outfile_prefix='results', format_only=True) == {}
    assert computed == [True, True]


@pytest.mark.parametrize('kind', [CocoWholeBodyMetric, WholeBodyPartsMetric])
def test_whole_body_is_mmposes(tmp_path: Path, computed: list[bool], kind: type[CocoMetric]) -> None:
    truth, samples = data(133, 6)
    assert_same(tmp_path, truth, samples, kind=kind, keypoints=133, outfile_prefix='results')
    assert computed == [True, True]


def test_predictions_and_annotations_are_converted(tmp_path: Path, computed: list[bool]) -> None:
    """Two of four keypoints change places, at every evaluation again."""
    truth, samples = data()
    swap = dict(num_keypoints=17, mapping=[(0, 0), (1, 1), (5, 3), (3, 5)])
    assert_same(tmp_path, truth, samples, pred_converter=swap, gt_converter=swap)
    assert computed == [True, True]


@pytest.mark.parametrize('iou_type', ['keypoints', 'keypoints_crowd'])
def test_annotations_of_the_data_set(tmp_path: Path, computed: list[bool], iou_type: str) -> None:
    truth, samples = data(people=8)
    by_image: dict[int, list[dict]] = {}
    for person in truth['annotations']:
        by_image.setdefault(person['image_id'], []).append(person)
    for sample in samples:
        sample.update(raw_ann_info=by_image.pop(sample['img_id'], [None]), crowd_index=0.5)
    assert_same(tmp_path, truth, samples, with_file=False, iou_type=iou_type, outfile_prefix='results')
    assert computed == [True, True] and (tmp_path / 'mine' / 'results.gt.json').is_file()


def test_pycocotools_computes_where_it_is_chosen(tmp_path: Path, computed: list[bool],
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hotcoco, 'can_compute', lambda params: False)
    assert_same(tmp_path, *data())
    assert computed == [True, True]


def without_numpy(samples: Samples) -> Samples:
    samples[0]['pred_instances']['bbox_scores'] = [0.5]
    return samples


def in_two_precisions(samples: Samples) -> Samples:
    samples[0]['pred_instances']['keypoints'] = samples[0]['pred_instances']['keypoints'].astype(np.float64)
    return samples


def with_a_box_once(samples: Samples) -> Samples:
    for sample in samples[1:]:
        del sample['pred_instances']['bboxes']
    samples[0], samples[-1] = samples[-1], samples[0]
    return samples


@pytest.mark.parametrize('change', [without_numpy, in_two_precisions, with_a_box_once])
def test_unusual_predictions_are_left_to_mmpose(tmp_path: Path, computed: list[bool], change: Callable) -> None:
    truth, samples = data()
    assert_same(tmp_path, truth, change(samples), score_mode='bbox')
    assert computed == [False, False]


class OwnFiles(CocoMetric):
    """A metric that writes results in another form."""

    def results2json(self, keypoints: dict, outfile_prefix: str) -> None:
        super().results2json(keypoints, outfile_prefix + '.first')
        super().results2json(keypoints, outfile_prefix)


def test_metrics_with_own_methods_are_left_to_mmpose(tmp_path: Path, computed: list[bool]) -> None:
    assert_same(tmp_path, *data(people=8), kind=OwnFiles, outfile_prefix='results')
    assert computed == [False, False] and (tmp_path / 'mine' / 'results.first.keypoints.json').is_file()


def test_the_switch_leaves_all_to_mmpose(tmp_path: Path, computed: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SPEEDUPS, 'results in arrays', False)
    assert_same(tmp_path, *data(people=8))
    assert computed == []


def test_results_of_other_images_are_refused_as_by_pycocotools() -> None:
    truth, samples = data(people=5)
    annotated = COCO()
    annotated.dataset = truth
    annotated.createIndex()
    results = KeypointArrays(images=np.array([10 ** 6]), categories=np.ones(1, dtype=int),
                             keypoints=np.zeros((1, 17, 3)), scores=np.ones(1), boxes=None,
                             fields=dict(keypoints=slice(0, 17)))
    with kept_in_memory('nowhere.json', results), pytest.raises(AssertionError, match='do not correspond'):
        annotated.loadRes('nowhere.json')
    with pytest.raises(DistilPoseError, match='nowhere.json cannot be read'):
        annotated.loadRes('nowhere.json')
