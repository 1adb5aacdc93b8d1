"""The quick steps of mmpose's COCO metrics against mmpose's own."""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mmengine.fileio
import numpy as np
import pytest
from mmpose.evaluation.metrics import coco_metric, coco_wholebody_metric

from distilpose.host.speedups import coco_metric as coco_speedups

nms = importlib.import_module('mmpose.evaluation.functional.nms')


def people(seed: int, *, keypoints: int = 17, dtype: type = np.float32) -> list[dict]:
    """Up to 25 answers for one image: near copies of few people, some with equal scores and some equal altogether."""
    random = np.random.default_rng(seed)
    poses = random.uniform(0, 300, (random.integers(1, 5), keypoints, 2))
    chosen = random.integers(0, len(poses), random.integers(1, 26))
    found = []
    for pose in poses[chosen]:
        noisy = pose + random.normal(0, random.choice([0, 1, 5, 20]), pose.shape)
        found.append(dict(keypoints=np.concatenate([noisy, random.random((keypoints, 1))], 1).astype(dtype),
                          score=round(float(random.random()), 1), area=dtype(random.uniform(500, 20000))))
    return found


@pytest.mark.parametrize('dtype', [np.float32, np.float64])
@pytest.mark.parametrize('keypoints', [4, 14, 17, 133])
def test_oks_equals_mmpose(dtype: type, keypoints: int) -> None:
    sigmas = np.random.default_rng(9).uniform(0.02, 0.1, keypoints)
    for seed in range(10):
        found = people(seed, keypoints=keypoints, dtype=dtype)
        flat = np.array([person['keypoints'].ravel() for person in found])
        areas = np.array([person['area'] for person in found])
        for kind in (np.float32, np.float64):
            arguments = flat[0], flat[1:], areas[0], areas[1:], sigmas.astype(kind)
            expected, computed = coco_speedups.pairwise_oks(*arguments), coco_speedups.oks_iou(*arguments)
            assert computed.dtype == expected.dtype
            np.testing.assert_allclose(computed, expected, rtol=1e-6, atol=1e-30)  # all at once, not one by one


def test_what_it_does_not_compute_is_mmposes() -> None:
    flat = np.array([person['keypoints'].ravel() for person in people(3)])
    areas, sigmas = np.full(len(flat), 900.0), np.full(17, 0.05)
    alone = coco_speedups.oks_iou(flat[0], flat[1:1], areas[0], areas[1:1], sigmas=sigmas)
    assert alone.shape == (0, ) and alone.dtype == coco_speedups.pairwise_oks(flat[0], flat[:0], 900.0, areas[:0]).dtype
    for options in (dict(sigmas=None), dict(sigmas=sigmas, vis_thr=0.5)):
        np.testing.assert_array_equal(coco_speedups.oks_iou(flat[0], flat, areas[0], areas, **options),
                                      coco_speedups.pairwise_oks(flat[0], flat, areas[0], areas, **options))


@pytest.mark.parametrize(('function', 'threshold'), [('oks_nms', 0.9), ('oks_nms', 0.3), ('soft_oks_nms', 0.9)])
def test_suppression_keeps_the_same_people(monkeypatch: pytest.MonkeyPatch, function: str, threshold: float) -> None:
    assert nms.oks_iou is coco_speedups.oks_iou
    sigmas = np.full(17, 0.05, dtype=np.float32)
    images = [people(seed, dtype=(np.float32, np.float64)[seed % 2]) for seed in range(40)]
    quick = [getattr(coco_metric, function)(image, threshold, sigmas=sigmas) for image in images]
    monkeypatch.setattr(nms, 'oks_iou', coco_speedups.pairwise_oks)
    suppress = coco_speedups.pairwise_nms if function == 'oks_nms' else nms.soft_oks_nms
    for image, kept in zip(images, quick, strict=True):
        np.testing.assert_array_equal(kept, suppress(image, threshold, sigmas=sigmas))
    assert {len(image) - len(kept) for image, kept in zip(images, quick, strict=True)} != {0} or 'soft' in function


def test_suppression_of_what_is_left_to_mmpose() -> None:
    sigmas, image = np.full(17, 0.05), people(3) * 40
    assert len(image) > 100 and list(coco_metric.oks_nms([], 0.9, sigmas=sigmas)) == []
    for options in (dict(sigmas=sigmas), dict(), dict(sigmas=sigmas, vis_thr=0.2)):
        np.testing.assert_array_equal(coco_metric.oks_nms(image, 0.9, **options),
                                      coco_speedups.pairwise_nms(image, 0.9, **options))


def test_results_are_the_same_file_but_for_spaces(tmp_path: Path) -> None:
    results = [dict(image_id=3, keypoints=[0.1, 1e-9, 2 / 3], score=float(np.float32(0.1)), bbox=[1.0, 2.0])]
    coco_metric.dump(results, str(tmp_path / 'quick.json'), sort_keys=True, indent=4)
    mmengine.fileio.dump(results, str(tmp_path / 'mmpose.json'), sort_keys=True, indent=4)
    quick, published = ((tmp_path / name).read_text() for name in ('quick.json', 'mmpose.json'))
    assert json.loads(quick) == json.loads(published) == results
    assert '\n' not in quick and '\n' in published
    assert coco_wholebody_metric.dump is coco_metric.dump


def outcome(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """What a function gives, with its type, or the error that it raises."""
    try:
        found = function(*args, **options)
    except Exception as error:
        return type(error).__name__, str(error)
    return type(found).__name__, str(getattr(found, 'dtype', '')), np.asarray(found).tolist()


def oks_arguments() -> dict[str, dict[str, Any]]:
    """Arguments of all kinds, for five others of four keypoints."""
    random = np.random.default_rng(0)
    usual = dict(g=random.random(12), d=random.random((5, 12)), a_g=0.1, a_d=random.random(5), sigmas=np.full(4, 0.3))
    changes: dict[str, dict[str, Any]] = dict(
        usual={}, float32={name: value.astype(np.float32) for name, value in usual.items() if name not in ('a_g', )},
        area32=dict(a_g=np.float32(0.1)), area_is_whole=dict(a_g=1), area_is_array=dict(a_g=np.ones(1)),
        area_is_areas=dict(a_g=np.ones(5)), whole=dict(g=np.arange(12), d=np.arange(60).reshape(5, 12)),
        half=dict(g=usual['g'].astype(np.float16)),
        lists=dict(g=usual['g'].tolist()), d_list=dict(d=usual['d'].tolist()),
        a_d_list=dict(a_d=usual['a_d'].tolist()), a_d_column=dict(a_d=usual['a_d'][:, None]),
        a_d_short=dict(a_d=usual['a_d'][:3]), a_d_long=dict(a_d=random.random(9)), sigma=dict(sigmas=0.3),
        sigmas_short=dict(sigmas=np.full(3, 0.3)), one_sigma=dict(sigmas=np.full(1, 0.3)),
        sigmas_list=dict(sigmas=[0.3] * 4), sigmas_of_coco=dict(sigmas=None), g_matrix=dict(g=usual['g'][None]),
        g_short=dict(g=usual['g'][:9]), d_vector=dict(d=usual['d'][0]), d_cube=dict(d=usual['d'][None]),
        nobody=dict(d=usual['d'][:0], a_d=usual['a_d'][:0]), no_keypoints=dict(
            g=usual['g'][:0], d=usual['d'][:, :0], sigmas=np.ones(0)), nan=dict(g=usual['g'] * np.nan),
        visible=dict(vis_thr=0.5), all_visible=dict(vis_thr=-1.0), none_visible=dict(vis_thr=2.0),
        nothing=dict(g=None), coordinates_of_others_long=dict(d=random.random((5, 14))))
    return {name: {**usual, **change} for name, change in changes.items()}


@pytest.mark.filterwarnings('ignore::RuntimeWarning')
@pytest.mark.parametrize('name', oks_arguments())
def test_oks_of_any_arguments_is_mmposes(name: str) -> None:
    arguments = oks_arguments()[name]
    np.testing.assert_equal(outcome(nms.oks_iou, **arguments), outcome(coco_speedups.pairwise_oks, **arguments))


def changed(image: list[dict], **fields: Callable[[Any], Any]) -> list[dict]:
    return [{**person, **{name: change(person[name]) for name, change in fields.items()}} for person in image]


def nms_arguments() -> dict[str, dict[str, Any]]:
    """Arguments of all kinds, for an image with several people of 17 keypoints."""
    image = people(3)
    usual = dict(kpts_db=image, thr=0.5, sigmas=np.full(17, 0.05))
    changes: dict[str, dict[str, Any]] = dict(
        usual={}, nobody=dict(kpts_db=[]), alone=dict(kpts_db=image[:1]), a_tuple=dict(kpts_db=tuple(image)),
        thr32=dict(thr=np.float32(0.5)), thr64=dict(thr=np.float64(0.5)), above=dict(thr=2), below=dict(thr=-1.0),
        no_thr=dict(thr=None), sigmas_of_coco=dict(sigmas=None), sigmas_short=dict(sigmas=np.ones(3)),
        sigmas_list=dict(sigmas=[0.05] * 17), visible=dict(vis_thr=0.3),
        scores_of_joints=dict(kpts_db=changed(image, score=lambda score: np.full(17, score)), score_per_joint=True),
        scores_in_arrays=dict(kpts_db=changed(image, score=lambda score: np.array([score]))),
        areas_in_arrays=dict(kpts_db=changed(image, area=lambda area: np.array([area]))),
        float_areas=dict(kpts_db=changed(image, area=float)), whole_areas=dict(kpts_db=changed(image, area=int)),
        whole=dict(kpts_db=changed(image, keypoints=lambda points: points.astype(int))),
        nan=dict(kpts_db=changed(image, keypoints=lambda points: points * np.nan)),
        lists=dict(kpts_db=changed(image, keypoints=lambda points: points.tolist())),
        ragged=dict(kpts_db=[*image, *changed(image[:1], keypoints=lambda points: points[:5])]),
        no_area=dict(kpts_db=[{name: person[name] for name in ('keypoints', 'score')} for person in image]),
        crowd=dict(kpts_db=image * 60), not_people=dict(kpts_db=[1, 2]), nothing=dict(kpts_db=None))
    return {name: {**usual, **change} for name, change in changes.items()}


@pytest.mark.filterwarnings('ignore::RuntimeWarning')
@pytest.mark.parametrize('name', nms_arguments())
def test_suppression_of_any_arguments_is_mmposes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = nms_arguments()[name]
    found = outcome(nms.oks_nms, **arguments)
    monkeypatch.setattr(nms, 'oks_iou', coco_speedups.pairwise_oks)
    assert found == outcome(coco_speedups.pairwise_nms, **arguments)


class NoNumber:
    """Something that JSON has no word for."""

    def __str__(self) -> str:
        return 'x'


DUMPS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = dict(
    results=(([dict(b=1, a=[0.1, None])], 'FOLDER/a.json'), dict(sort_keys=True, indent=4)),
    arrays=((dict(a=np.float32(0.1), b=np.arange(3), c={1}, d=range(2)), 'FOLDER/a.json'),
            dict(sort_keys=True, indent=4)),
    new_folder=(([1], 'FOLDER/new/a.json'), dict(sort_keys=True, indent=4)),
    other_indent=(([1], 'FOLDER/a.json'), dict(indent=2)), plain=((dict(b=1, a=2), 'FOLDER/a.json'), {}),
    format=(([1], 'FOLDER/a.json', 'json'), dict(sort_keys=True, indent=4)),
    other_format=(([1], 'FOLDER/a.json', 'yaml'), {}), yaml=(([dict(a=1)], 'FOLDER/a.yaml'), {}),
    pickle=(([1], 'FOLDER/a.pkl'), {}), text=(([dict(b=1, a=1)], ), dict(file_format='json', sort_keys=True, indent=4)),
    no_format=(([1], ), {}), unknown=(([1], 'FOLDER/a.txt'), {}), number=(([1], 5), dict(file_format='json')),
    mixed_keys=(({1: 1, 'a': 2}, 'FOLDER/a.json'), dict(sort_keys=True, indent=4)),
    no_number=(([NoNumber], 'FOLDER/a.json'), dict(sort_keys=True, indent=4)),
    unknown_option=(([1], 'FOLDER/a.json'), dict(sort_keys=True, indent=4, nothing=1)),
    two_backends=(([1], 'FOLDER/a.json'), dict(backend_args={}, file_client_args={})),
    backend=(([1], 'FOLDER/a.json'), dict(backend_args=dict(backend='local'), sort_keys=True, indent=4)))


def written(dump: Callable[..., Any], name: str, folder: Path, as_path: bool) -> Any:
    """What is returned or raised, and the files; JSON by its values and order of keys, as it is not indented."""
    args, options = DUMPS[name]
    args = tuple(arg.replace('FOLDER', str(folder)) if isinstance(arg, str) else arg for arg in args)
    args = (args[0], Path(args[1]), *args[2:]) if as_path and len(args) > 1 and isinstance(args[1], str) else args
    try:
        result = dump(*args, **options)
    except Exception as error:
        result = type(error).__name__, str(error)
    files = {file.relative_to(folder): file.read_bytes() for file in folder.rglob('*') if file.is_file()}
    return result, {file: json.dumps(json.loads(text)) if options == dict(sort_keys=True, indent=4) else text
                    for file, text in files.items()}


@pytest.mark.filterwarnings('ignore::DeprecationWarning')
@pytest.mark.parametrize('as_path', [False, True])
@pytest.mark.parametrize('name', DUMPS)
def test_any_dump_is_mmengines(name: str, as_path: bool, tmp_path: Path) -> None:
    folder = tmp_path / 'same'
    outcomes = []
    for number, dump in enumerate((coco_metric.dump, coco_speedups.indented_dump)):
        folder.mkdir()
        outcomes.append(written(dump, name, folder, as_path))
        folder.rename(tmp_path / str(number))
    assert outcomes[0] == outcomes[1]


def test_dumping_into_an_open_file_is_mmengines() -> None:
    streams = io.StringIO(), io.StringIO()
    for dump, stream in zip((coco_metric.dump, coco_speedups.indented_dump), streams, strict=True):
        assert dump([dict(b=1, a=2)], stream, 'json', sort_keys=True, indent=4) is None
    assert streams[0].getvalue() == streams[1].getvalue() != ''
