"""What others make of the files: pycocotools' evaluation, and mmpose's datasets and metrics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.registry import DefaultScope
from mmpose.registry import DATASETS, METRICS
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from scipy.io import loadmat

from distilpose.synthetic.landmarks import MPII_JOINTS

SPLITS = ('train', 'val')


def dataset(people: Path, kind: str, annotations: str, **options: Any) -> Any:
    with DefaultScope.overwrite_default_scope('mmpose'):
        return DATASETS.build(
            dict(type=kind, data_root=str(people), ann_file=annotations, data_prefix=dict(img='images/val/'), **options)
        )


def load(people: Path, file: str) -> Any:
    return json.loads((people / file).read_text())


@pytest.mark.parametrize('split', SPLITS)
def test_every_image_that_is_named_exists(people: Path, split: str) -> None:
    listed = {image['file_name'] for image in load(people, f'annotations/person_keypoints_{split}.json')['images']}
    assert listed == {file.name for file in (people / 'images' / split).iterdir()} and len(listed) == 6
    assert {person['image'] for person in load(people, f'annot/{split}.json')} <= listed


def test_splits_share_no_image(people: Path) -> None:
    train, val = ({file.name for file in (people / 'images' / split).iterdir()} for split in SPLITS)
    assert not train & val


def test_masks_boxes_and_areas_agree(people: Path) -> None:
    coco = COCO(str(people / 'annotations/person_keypoints_val.json'))
    assert len(coco.anns) >= 6
    for person in coco.anns.values():
        mask = coco.annToMask(person).astype(bool)
        rows, columns = np.nonzero(mask)
        assert person['area'] == mask.sum() and person['iscrowd'] == 0
        assert person['bbox'] == [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]


def test_visibility_is_cocos(people: Path) -> None:
    states = set()
    for person in load(people, 'annotations/person_keypoints_train.json')['annotations']:
        keypoints = np.array(person['keypoints']).reshape(17, 3)
        states |= set(keypoints[:, 2].tolist())
        assert person['num_keypoints'] == (keypoints[:, 2] > 0).sum()
        assert (keypoints[keypoints[:, 2] == 0] == 0).all()
        inside = keypoints[keypoints[:, 2] > 0, :2]
        assert (inside >= 0).all() and (inside <= 191).all()
    assert {1, 2} <= states <= {0, 1, 2}


def test_right_answers_score_one_with_pycocotools(people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = COCO(str(people / 'annotations/person_keypoints_val.json'))
    answers = [
        dict(image_id=a['image_id'], category_id=1, keypoints=a['keypoints'], score=1.0) for a in truth.anns.values()
    ]
    evaluation = COCOeval(truth, truth.loadRes(answers), 'keypoints')
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1.0) and evaluation.stats[5] == pytest.approx(1.0)


def test_mmpose_reads_the_coco_file(people: Path) -> None:
    found = dataset(people, 'CocoDataset', 'annotations/person_keypoints_val.json', test_mode=True)
    raw = load(people, 'annotations/person_keypoints_val.json')['annotations']
    assert len(found) == sum(person['num_keypoints'] > 0 for person in raw)
    keypoints = np.array(raw[0]['keypoints']).reshape(1, 17, 3)
    np.testing.assert_allclose(found[0]['keypoints'], keypoints[..., :2], rtol=1e-6)
    np.testing.assert_array_equal(found[0]['keypoints_visible'], np.minimum(keypoints[..., 2], 1))
    assert Path(found[0]['img_path']).is_file()


def test_mmpose_reads_the_detections(people: Path) -> None:
    boxes = load(people, 'person_detection_results/detections_val.json')
    found = dataset(
        people,
        'CocoDataset',
        'annotations/person_keypoints_val.json',
        test_mode=True,
        bbox_file=str(people / 'person_detection_results/detections_val.json'),
    )
    assert len(found) == len(boxes)
    for box in boxes:
        x, y, width, height = box['bbox']
        assert min(x, y) >= 0 and width > 0 and height > 0 and max(x + width, y + height) <= 192.01
        assert 0 < box['score'] < 1 and box['category_id'] == 1


def test_detections_find_the_people(people: Path) -> None:
    """Every true box has a detection that overlaps it well, with a high score."""
    boxes = load(people, 'person_detection_results/detections_train.json')
    for person in load(people, 'annotations/person_keypoints_train.json')['annotations']:
        near = [box for box in boxes if box['image_id'] == person['image_id']]
        low, high = np.array(person['bbox'][:2]), np.array(person['bbox'][:2]) + person['bbox'][2:]
        overlaps = []
        for box in near:
            start, end = np.array(box['bbox'][:2]), np.array(box['bbox'][:2]) + box['bbox'][2:]
            shared = np.prod(np.maximum(np.minimum(high, end) - np.maximum(low, start), 0))
            overlaps.append(shared / (np.prod(high - low) + np.prod(end - start) - shared))
        best = int(np.argmax(overlaps))
        assert overlaps[best] > 0.6 and near[best]['score'] >= 0.3


def test_right_answers_score_one_on_the_whole_body(people: Path) -> None:
    name = 'annotations/coco_wholebody_val.json'
    found = dataset(people, 'CocoWholeBodyDataset', name, test_mode=True)
    assert found[0]['keypoints'].shape == (1, 133, 2)
    with DefaultScope.overwrite_default_scope('mmpose'):
        metric = METRICS.build(dict(type='CocoWholeBodyMetric', ann_file=str(people / name), score_mode='bbox'))
    metric.dataset_meta = found.metainfo
    for item in found:
        answer = dict(
            keypoints=item['keypoints'].astype(float), keypoint_scores=np.ones((1, 133)), bbox_scores=np.ones(1)
        )
        truth = dict(bboxes=item['bbox'], bbox_scores=np.ones(1))
        sample = dict(id=item['id'], img_id=item['img_id'], pred_instances=answer, gt_instances=truth)
        metric.process([{}], [sample | dict(ori_shape=(192, 192), category_id=1)])
    figures = metric.evaluate(len(found))
    for name in ('AP', 'AR'):
        assert figures[f'coco-wholebody/{name}'] == pytest.approx(1.0)


def test_whole_body_parts_are_there_where_they_are_said_to_be(people: Path) -> None:
    counts = dict(face=68, lefthand=21, righthand=21)
    valid = []
    for person in load(people, 'annotations/coco_wholebody_train.json')['annotations']:
        assert len(person['foot_kpts']) == 18
        for part, count in counts.items():
            points = np.array(person[f'{part}_kpts']).reshape(count, 3)
            valid.append(person[f'{part}_valid'])
            if not person[f'{part}_valid']:
                assert not points.any() and not any(person[f'{part}_box'])
                continue
            x, y, width, height = person[f'{part}_box']
            known = points[points[:, 2] > 0]
            assert (
                (known[:, :2] >= [x - 0.11, y - 0.11]) & (known[:, :2] <= [x + width + 0.11, y + height + 0.11])
            ).all()
    assert True in valid and False in valid


def test_both_coco_files_agree(people: Path) -> None:
    plain, whole = (load(people, f'annotations/{name}_val.json') for name in ('person_keypoints', 'coco_wholebody'))
    assert plain['images'] == whole['images'] and plain['categories'] == whole['categories']
    for one, two in zip(plain['annotations'], whole['annotations'], strict=True):
        assert one == {key: value for key, value in two.items() if key in one} and len(two) == len(one) + 11


def test_right_answers_score_a_hundred_with_mpiis_measure(people: Path) -> None:
    head_boxes = str(people / 'annot/gt_val.mat')
    found = dataset(people, 'MpiiDataset', 'annot/val.json', test_mode=True, headbox_file=head_boxes)
    with DefaultScope.overwrite_default_scope('mmpose'):
        metric = METRICS.build(dict(type='MpiiPCKAccuracy', thr=0.1))
    for item in found:
        # mmpose leaves the joints counted from 1, and adds 1 to the predictions.
        truth = dict(
            keypoints=item['keypoints'], keypoints_visible=item['keypoints_visible'], head_size=item['head_size']
        )
        metric.process([{}], [dict(gt_instances=truth, pred_instances=dict(keypoints=item['keypoints'] - 1))])
    assert metric.evaluate(len(found))['PCK'] == pytest.approx(100.0)


def test_mpii_and_coco_files_name_the_same_places(people: Path) -> None:
    """Joints of people in MPII's file, which counts from 1, are COCO's of the same image."""
    coco = load(people, 'annotations/person_keypoints_val.json')
    names = {image['id']: image['file_name'] for image in coco['images']}
    mpii = load(people, 'annot/val.json')
    order = [16, 14, 12, 11, 13, 15]  # COCO's legs in MPII's order
    for person, other in zip(coco['annotations'], mpii, strict=True):
        assert names[person['image_id']] == other['image']
        keypoints = np.array(person['keypoints']).reshape(17, 3)[order]
        legs, known = np.array(other['joints'])[:6], keypoints[:, 2] > 0
        assert (np.array(other['joints_vis'])[:6] == known).all()
        np.testing.assert_allclose(legs[known] - 1, keypoints[known, :2], atol=0.11)
        assert (legs[~known] == -1).all()


def test_mmpose_crops_the_whole_mpii_person(people: Path) -> None:
    for item in dataset(people, 'MpiiDataset', 'annot/val.json'):
        centre, scale = item['bbox_center'][0], item['bbox_scale'][0]
        joints = item['keypoints'][0][item['keypoints_visible'][0] > 0] - 1
        assert (np.abs(joints - centre) <= 0.5 * 1.25 * scale).all()


def test_the_mat_file_is_mpiis(people: Path) -> None:
    content, people_listed = loadmat(people / 'annot/gt_val.mat'), load(people, 'annot/val.json')
    count = len(people_listed)
    assert [str(name.item()) for name in content['dataset_joints'][0]] == list(MPII_JOINTS)
    assert content['jnt_missing'].shape == (16, count) and content['headboxes_src'].shape == (2, 2, count)
    for number, person in enumerate(people_listed):
        seen = np.array(person['joints_vis']) > 0
        np.testing.assert_array_equal(content['jnt_missing'][:, number] == 0, seen)
        found = content['pos_gt_src'][:, :, number]
        np.testing.assert_allclose(found[seen], np.array(person['joints'])[seen], atol=0.06)
    assert (content['headboxes_src'][1] > content['headboxes_src'][0]).all()
