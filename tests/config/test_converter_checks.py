"""Combined data sets whose converters name keypoints that are not there."""

from __future__ import annotations

from typing import Any

import pytest
from mmengine.config import Config

from distilpose.config.keypoint_checks import check_keypoints
from distilpose.config.keypoints import make_metainfo
from distilpose.config.tree import ConfigTree
from distilpose.errors import DistilPoseError

WHOLE = make_metainfo(['nose', 'left_ear', 'right_ear', 'neck', 'tail'])
PART = make_metainfo(['tail', 'right_ear', 'left_ear', 'paw'])
RIGHT = [(0, 4), (1, 2), (2, 1)]


def config(mapping: Any, *, count: Any = 5, more: dict[str, Any] | None = None, repeats: bool = False) -> Config:
    converter = dict(type='KeypointConverter', num_keypoints=count, mapping=mapping)
    part = dict(type='CocoDataset', metainfo=PART, pipeline=[converter])
    if repeats:
        part = dict(type='RepeatDataset', times=2, dataset=part)
    own = dict(type='CocoDataset', metainfo=WHOLE, pipeline=[])
    return Config(dict(
        model=dict(type='TopdownPoseEstimator', head=dict(type='HeatmapHead', out_channels=5)),
        train_dataloader=dict(dataset=dict(dict(type='CombinedDataset', metainfo=WHOLE, pipeline=[],
                                                datasets=[own, part]), **(more or {})))))


@pytest.mark.parametrize('repeats', [False, True])
def test_right_mappings_pass(repeats: bool) -> None:
    check_keypoints(config(RIGHT, repeats=repeats))
    check_keypoints(config([((1, 2), 3), (0, 4)], repeats=repeats))


@pytest.mark.parametrize(('changes', 'words'), [
    (dict(mapping=[(4, 0)]), r'datasets\[1\].*pipeline\[0\].mapping takes keypoint 4, and .* defines 4 keypoi'),
    (dict(mapping=[(-1, 0)]), 'takes keypoint -1'),
    (dict(mapping=[((0, 9), 0)]), 'takes keypoint 9'),
    (dict(mapping=[((0, 1, 2), 0)]), 'expected two keypoints for their middle'),
    (dict(mapping=[(0, 5)]), 'makes keypoint 5, and num_keypoints beside it is 5; expected indices from 0 to 4'),
    (dict(mapping=[(0, 4), (1, 1)]), r"makes 'left_ear' \(keypoint 1\) of 'right_ear' \(keypoint 1\), which is on the"),
    (dict(mapping=[0, 1]), r'mapping has 0; expected pairs'),
    (dict(mapping=None), 'mapping is None; expected pairs'),
    (dict(mapping=[('tail', 'tail')]), "takes keypoint 'tail'"),
    (dict(mapping=RIGHT, count=17), r'converts to 17 keypoints, and .*metainfo defines 5 .*num_keypoints=5'),
    (dict(mapping=RIGHT, count='5'), 'converts to 5 keypoints, and .*set .*num_keypoints=5'),
    (dict(mapping=RIGHT, more=dict(sample_ratio_factor=[1, -1])), 'expected numbers of 0 or more'),
    (dict(mapping=RIGHT, more=dict(datasets=[])), 'combines no data sets'),
    (dict(mapping=RIGHT, more=dict(metainfo=None)), 'has no metainfo, which a CombinedDataset needs'),
    (dict(mapping=RIGHT, more=dict(sample_ratio_factor=[1])), 'sample_ratio_factor has 1 numbers for 2 data sets'),
])
@pytest.mark.parametrize('repeats', [False, True])
def test_wrong_mappings_are_refused(changes: dict[str, Any], words: str, repeats: bool) -> None:
    with pytest.raises(DistilPoseError, match=words):
        check_keypoints(config(**changes, repeats=repeats))


def test_a_keypoint_that_is_made_twice_is_a_warning() -> None:
    """mmpose's own config of six faces has one."""
    tree = ConfigTree(config([(0, 4), (3, 4)]))
    check_keypoints(tree)
    assert len(tree.warnings) == 1 and 'makes keypoint 4 of 0 and of 3, of which only the last' in tree.warnings[0]
