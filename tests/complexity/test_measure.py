"""From a config to its complexity: which model, which size, and what is refused."""

from __future__ import annotations

import pytest
from mmengine.config import Config

from distilpose.complexity import STYLES, Complexity, measure
from distilpose.errors import DistilPoseError
from tests.networks import INPUT_SIZE, STUDENT, TEACHER, TERMS, changed


def count(model: dict, *, size: tuple[int, int] | None = None, **more: object) -> Complexity:
    return measure(Config(dict(model=model, **more)), style=STYLES['mmcv'], input_size=size)


def test_a_distillation_costs_its_student() -> None:
    distillation = dict(type='PoseDistiller', student=STUDENT, terms=TERMS,
                        teacher=dict(config='/nowhere.py', checkpoint='/nowhere.pth'))
    assert count(distillation) == count(STUDENT) != count(TEACHER)


@pytest.mark.parametrize(('head', 'more'), [
    (dict(decoder=dict(type='RegressionLabel', input_size=INPUT_SIZE)), dict()),
    (dict(decoder=None), dict(codec=dict(type='RegressionLabel', input_size=INPUT_SIZE))),
    (dict(decoder=None), dict(codec=[dict(type='Other'), dict(type='RegressionLabel', input_size=INPUT_SIZE)])),
])
def test_the_size_is_the_decoders_or_the_codecs(head: dict, more: dict) -> None:
    assert count(changed(STUDENT, **head), **more).input_size == INPUT_SIZE


def test_another_size_costs_more() -> None:
    network = dict(
        type='TopdownPoseEstimator', backbone=dict(type='StemNet', stem_channels=4, out_channels=8, num_blocks=1),
        head=dict(type='HeatmapHead', in_channels=8, out_channels=2, deconv_out_channels=None))
    assert count(network, size=(96, 128)).macs == 4 * count(network, size=(48, 64)).macs


@pytest.mark.parametrize(('model', 'size', 'words'), [
    (changed(STUDENT, decoder=None), None, '--shape HEIGHT WIDTH'),
    (STUDENT, (40, 64), 'was built for a feature map of 12x16'),
    (STUDENT, (0, 64), 'the image is 64x0'),
    (dict(STUDENT, backbone=dict(type='NoSuchNet')), None, 'NoSuchNet is not in the'),
    (dict(type='StemNet'), (48, 64), 'the model is a StemNet'),
    (changed(STUDENT, in_channels=4), None, 'cannot take an image of 64x48'),
])
def test_what_is_refused(model: dict, size: tuple[int, int] | None, words: str) -> None:
    with pytest.raises(DistilPoseError, match=words):
        count(model, size=size)
