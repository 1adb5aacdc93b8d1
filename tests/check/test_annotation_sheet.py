"""Annotations that a check of a config warns of, drawn."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from distilpose.check import annotation_sheet
from distilpose.check.annotation_sheet import draw_findings
from distilpose.check.training import _check_all
from distilpose.config import check, load_config
from distilpose.errors import DistilPoseError


def people_file(cfg: object, tiny_data: Path, folder: Path, part: str) -> Path:
    file = folder / f'{part}.json'
    file.write_text((tiny_data / 'annotations' / 'people.json').read_text())
    cfg[f'{part}_dataloader']['dataset']['ann_file'] = str(file)  # type: ignore[index]
    cfg[f'{part}_evaluator']['ann_file'] = str(file)  # type: ignore[index]
    return file


def change(file: Path, **changes: object) -> None:
    content = json.loads(file.read_text())
    content['annotations'][0].update(changes)
    file.write_text(json.dumps(content))


def test_warnings_are_drawn(make_config: Callable[..., Path], tiny_data: Path, tmp_path: Path) -> None:
    cfg = load_config(make_config())
    change(people_file(cfg, tiny_data, tmp_path, 'val'), bbox=[2, 2, 0, 30])
    file = draw_findings(tmp_path / 'a.png', [check(cfg, ['train', 'val'])])
    assert file is not None
    picture = cv2.imread(str(file))
    cell = annotation_sheet.CELL[0] + 16
    assert picture.shape[1] % cell == 0 and (picture == (60, 60, 235)).all(axis=2).sum() > 20


def test_nothing_is_drawn_where_nothing_is_unusual(make_config: Callable[..., Path], tiny_data: Path,
                                                   tmp_path: Path) -> None:
    cfg = load_config(make_config())
    assert draw_findings(tmp_path / 'a.png', [check(cfg, ['train'])]) is None and not (tmp_path / 'a.png').exists()


def test_boxes_of_a_detector_are_drawn(make_config: Callable[..., Path], tmp_path: Path) -> None:
    cfg = load_config(make_config())
    boxes = [dict(image_id=index, category_id=1, bbox=[2, 2, 40 * (index > 1), 60], score=0.9)
             for index in range(1, 13)]
    (tmp_path / 'boxes.json').write_text(json.dumps(boxes))
    cfg.val_dataloader.dataset.bbox_file = str(tmp_path / 'boxes.json')
    assert draw_findings(tmp_path / 'a.png', [check(cfg, ['val'])]) is not None


def test_test_data_is_checked_as_well(make_config: Callable[..., Path], tiny_data: Path, tmp_path: Path) -> None:
    cfg = load_config(make_config())
    assert len(_check_all(cfg)[0]) == 1  # it is the validation's
    file = people_file(cfg, tiny_data, tmp_path, 'test')
    trees, refused = _check_all(cfg)
    assert len(trees) == 2 and not refused
    change(file, bbox=None)
    with pytest.raises(DistilPoseError, match='the bbox of annotation 1 of .*test.json'):
        _check_all(cfg)
    file.unlink()
    assert 'a test would be refused: there is no' in _check_all(cfg)[1][0]
