"""PCKh against values by hand, a computation joint by joint, mmpose's metric, and several processes."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from mmengine.evaluator import Evaluator
from mmpose.datasets import MpiiDataset
from mmpose.evaluation.metrics import MpiiPCKAccuracy
from mmpose.structures import PoseDataSample

from distilpose.errors import DistilPoseError

from .mpii_answers import answers, mpii_meta, sample

ROOT = Path(__file__).resolve().parents[2]
HEAD = 30.0  # head size in pixels
GROUPS = dict(Head=(9, ), Shoulder=(13, 12), Elbow=(14, 11), Wrist=(15, 10), Hip=(3, 2), Knee=(4, 1), Ankle=(5, 0))


def evaluate(samples: Sequence[PoseDataSample], *, batch: int = 4, **options: object) -> dict[str, float]:
    evaluator = Evaluator(dict(type='mmpose.PCKhMetric', **options))
    evaluator.dataset_meta = mpii_meta()
    for start in range(0, len(samples), batch):
        evaluator.process(samples[start:start + batch], [{}] * batch)
    return evaluator.evaluate(len(samples))


def person(shift: float, *, labelled: Sequence[int] = range(16), head_size: float = HEAD) -> PoseDataSample:
    """Everything is predicted so many pixels to the right."""
    truth = np.arange(32.0).reshape(16, 2) * 8
    visible = np.isin(np.arange(16), labelled).astype(np.float32)
    return sample(truth + [shift, 0], truth, visible=visible, head_size=head_size)


def joint_by_joint(samples: Sequence[PoseDataSample], threshold: float) -> dict[str, float]:
    """The definition, in loops."""
    hits, counts = [0] * 16, [0] * 16
    for one in samples:
        for joint in range(16):
            if one.gt_instances.keypoints_visible[0, joint]:
                (x, y), (u, v) = (instances.keypoints[0, joint].tolist()
                                  for instances in (one.pred_instances, one.gt_instances))
                counts[joint] += 1
                hits[joint] += math.hypot(x - u, y - v) / one.gt_instances.head_size.item() <= threshold
    figures = {name: sum(100 * hits[joint] / counts[joint] for joint in joints) / len(joints)
               for name, joints in GROUPS.items()}
    counted = [joint for joint in range(16) if joint not in (6, 7)]
    weights = [counts[joint] / sum(counts[joint] for joint in counted) for joint in counted]
    figures['PCKh'] = sum(100 * hits[joint] / counts[joint] * weight
                          for joint, weight in zip(counted, weights, strict=True))
    return {f'mpii/{name}@{threshold:g}': value for name, value in figures.items()}


def test_right_answers_are_all_correct() -> None:
    figures = evaluate([person(0.0)] * 3)
    assert len(figures) == 24 and set(figures.values()) == {100.0}


def test_first_figure_is_the_mean_that_checkpoints_are_ranked_by() -> None:
    assert next(iter(evaluate([person(0.0)]))) == 'mpii/PCKh@0.5'
    assert list(evaluate([person(0.0)], thresholds=(0.25, ), prefix='lspet'))[:2] == ['lspet/PCKh@0.25',
                                                                                      'lspet/Head@0.25']


@pytest.mark.parametrize('shift, expected', [(3.0, (100, 100, 100)), (3.25, (100, 0, 100)), (3.5, (100, 0, 0)),
                                             (15.0, (100, 0, 0)), (15.25, (0, 0, 0))])
def test_shift_by_hand(shift: float, expected: tuple[float, ...]) -> None:
    """A tenth of the head's size is 3 pixels, 0.11 of it 3.3, half of it 15; the limit itself is correct."""
    figures = evaluate([person(shift)])
    assert tuple(figures[f'mpii/PCKh@{threshold}'] for threshold in (0.5, 0.1, 0.11)) == expected


def test_mean_counts_labelled_joints_by_hand() -> None:
    """14 joints of one person are correct; of the other's four (knees, head, pelvis) three count and are wrong."""
    figures = evaluate([person(3.0), person(20.0, labelled=(1, 4, 9, 6))])
    assert figures['mpii/PCKh@0.5'] == pytest.approx(100 * 14 / 17)
    assert figures['mpii/Head@0.5'] == figures['mpii/Knee@0.5'] == 50.0
    assert figures['mpii/Wrist@0.5'] == 100.0


def test_pelvis_and_thorax_count_nowhere() -> None:
    right, wrong = person(0.0), person(0.0)
    wrong.pred_instances.keypoints[0, [6, 7]] += 1000
    assert evaluate([wrong]) == evaluate([right])


def test_joints_that_are_not_labelled_count_nowhere() -> None:
    figures = evaluate([person(0.0, labelled=(0, 5, 9)), person(0.0, labelled=(0, ))])
    assert figures['mpii/PCKh@0.1'] == figures['mpii/Ankle@0.1'] == 100.0
    assert math.isnan(figures['mpii/Hip@0.1'])


@pytest.mark.parametrize('wrong', [person(0.0, head_size=0.0), person(float('nan'))], ids=['empty head', 'no number'])
def test_counts_as_wrong(wrong: PoseDataSample) -> None:
    assert evaluate([wrong, person(0.0)])['mpii/PCKh@0.5'] == 50.0


@pytest.mark.parametrize('seed', range(3))
def test_equals_the_definition_joint_by_joint(seed: int) -> None:
    samples = answers(40, seed=seed)
    figures = evaluate(samples)
    expected = {name: value for threshold in (0.5, 0.1, 0.11) for name, value in
                joint_by_joint(samples, threshold).items()}
    assert figures.keys() == expected.keys() and figures == pytest.approx(expected, abs=1e-9)
    assert 5 < figures['mpii/PCKh@0.1'] < figures['mpii/PCKh@0.11'] < figures['mpii/PCKh@0.5'] < 95


def test_equals_mmposes_where_that_computes_the_same() -> None:
    samples = answers(40)
    figures = evaluate(samples)
    theirs = MpiiPCKAccuracy()
    for one in samples:
        one.gt_instances.keypoints += 1  # theirs takes 1-based ground truth
        theirs.process([{}], [one.to_dict()])
    expected = theirs.evaluate(40)
    for group in GROUPS:
        assert figures[f'mpii/{group}@0.5'] == pytest.approx(expected[f'{group} PCK'], abs=1e-3)
    assert figures['mpii/PCKh@0.5'] == pytest.approx(expected['PCK'], abs=1e-3)
    assert figures['mpii/PCKh@0.1'] == pytest.approx(expected['PCK@0.1'], abs=1e-3)


def test_data_without_head_sizes_is_a_sentence() -> None:
    one = person(0.0)
    del one.gt_instances.head_size
    with pytest.raises(DistilPoseError, match='found no head sizes .*headbox_file='):
        evaluate([one])


def test_mmposes_keypoints_counted_from_one_are_a_sentence() -> None:
    metric = Evaluator(dict(type='mmpose.PCKhMetric'))
    metric.dataset_meta = MpiiDataset(lazy_init=True).metainfo
    metric.process([person(0.0)], [{}])
    with pytest.raises(DistilPoseError, match="counts MPII's keypoints from 1.*type='ZeroBasedMpiiDataset'"):
        metric.evaluate(1)


def test_other_joints_are_a_sentence() -> None:
    metric = Evaluator(dict(type='mmpose.PCKhMetric'))
    metric.dataset_meta = dict(keypoint_name2id=dict(nose=0))
    metric.process([person(0.0)], [{}])
    with pytest.raises(DistilPoseError, match='names 1 joints, head_top, left_shoulder.* predicts 16'):
        metric.evaluate(1)


@pytest.mark.parametrize('thresholds', [(), (0.5, 0)])
def test_a_wrong_threshold_is_a_sentence(thresholds: tuple[float, ...]) -> None:
    with pytest.raises(DistilPoseError, match='positive fractions'):
        evaluate([person(0.0)], thresholds=thresholds)


PROCESSES = """
import json, sys
import distilpose
from mmengine.dist import get_dist_info, init_dist
from mmengine.evaluator import Evaluator
from tests.evaluation.mpii_answers import answers, mpii_meta
init_dist('pytorch', backend='gloo')
rank, world = get_dist_info()
samples = answers(7)
mine = (samples + samples[:1])[rank::world]  # the eighth fills up, as mmengine's sampler does
evaluator = Evaluator(dict(type='mmpose.PCKhMetric'))
evaluator.dataset_meta = mpii_meta()
evaluator.process(mine, [{}] * 4)
figures = evaluator.evaluate(7)
if rank == 0:
    open(sys.argv[1], 'w').write(json.dumps([world, figures]))
"""


@pytest.mark.slow
def test_two_processes_give_the_same_figures(tmp_path: Path) -> None:
    (tmp_path / 'script.py').write_text(PROCESSES)
    command = [sys.executable, '-m', 'torch.distributed.run', '--nproc-per-node=2', '--rdzv-backend=c10d',
               '--rdzv-endpoint=localhost:0', str(tmp_path / 'script.py'), str(tmp_path / 'figures.json')]
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': ''}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert result.returncode == 0, result.stderr[-3000:]
    world, figures = json.loads((tmp_path / 'figures.json').read_text())
    assert world == 2 and figures == pytest.approx(evaluate(answers(7)), rel=1e-9)  # other processes
    assert figures != pytest.approx(evaluate(answers(7)[::2]), rel=1e-3)  # half of the people would show
