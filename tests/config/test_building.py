"""Errors of a registry, as sentences that name the part of the config."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
from mmengine.config import ConfigDict
from mmpose.registry import MODELS, TRANSFORMS

from distilpose.config.building import building_as_sentences
from distilpose.config.models import build_estimator
from distilpose.errors import BuildFailed, DistilPoseError, RunFailed, note
from tests.networks import STUDENT


def build(**changes: Any) -> None:
    """Builds a model with other values, by dotted keys; ``None`` removes one."""
    model = ConfigDict(STUDENT)
    for path, value in changes.items():
        *parents, key = path.split('__')
        node = model
        for parent in parents:
            node = node[parent]
        if value is None:
            del node[key]
        else:
            node[key] = value
    with building_as_sentences(dict(model=model)):
        build_estimator(model)


@pytest.mark.parametrize(('changes', 'words'), [
    (dict(type='TopdownPoseEstimater'),
     r'^model\.type: TopdownPoseEstimater is not in the mmpose::model registry: did you mean TopdownPoseEstimator\?'),
    (dict(head__decoder__type='RegresionLabel'),
     r'^model\.head\.decoder\.type: RegresionLabel is not in .* did you mean RegressionLabel\?'),
    (dict(backbone__type='mmyolo.Net'), 'it is defined in the package mmyolo, which is not installed'),
    (dict(backbone__type=None), r'^model\.backbone has no type, which says what it is; add type='),
    (dict(backbone__type=3), r"^model\.backbone: type must be a str .* got <class 'int'>; write it as dict\(type="),
    (dict(backbone='StemNet'), r'^a part of model: cfg should be a dict'),
    (dict(head__decoder__input_size=None),
     r"^model\.head\.decoder \(RegressionLabel\) lacks the argument 'input_size'; add it in the config"),
    (dict(head__num_joints=17), r'^model\.head \(DistilPoseHead\) does not take the argument num_joints; '),
    (dict(backbone__num_block=1),
     r"^model\.backbone \(StemNet\) does not take the argument num_block; did you mean 'num_blocks'\?"),
    (dict(backbone=dict(type='ResNet', depth=19)),
     r'^model\.backbone \(ResNet\) cannot be built: KeyError: invalid depth 19 for resnet; change its values'),
    (dict(backbone=dict(type='ResNet', depth=18, out_indices=(4, ))),
     r'^model\.backbone \(ResNet\) cannot be built: AssertionError: assert max\(out_indices\) < num_stages \(in __'),
])
def test_the_part_its_class_and_what_to_change(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(BuildFailed, match=words) as failed:
        build(**changes)
    assert failed.value.keeps_traceback and failed.value.exit_code == 2 and failed.value.__cause__ is not None


def test_of_equal_parts_the_one_that_is_built() -> None:
    steps = [dict(type='Compose', transforms=[dict(type='RandomFlip', direction='up')]) for _ in range(2)]
    with pytest.raises(BuildFailed, match=r'^a\[1\]\.transforms\[0\] \(RandomFlip\)'), building_as_sentences(
            ConfigDict(a=[dict(type='LoadImage'), steps[0]], b=steps[1:])) as _:
        TRANSFORMS.build(steps[0] | dict(type='mmcv.Compose'))


def test_a_part_that_the_config_does_not_have() -> None:
    with pytest.raises(BuildFailed, match=r'^a StemNet does not take the argument depth; '), building_as_sentences({}):
        MODELS.build(dict(type='StemNet', depth=3))


@pytest.mark.parametrize('error', [
    ValueError('not while something is built'), RunFailed('a full disk'), URLError('no network'), MemoryError(),
    DistilPoseError('a sentence')])
def test_other_errors_pass(error: Exception) -> None:
    with pytest.raises(type(error)) as passed, building_as_sentences({}):
        raise error
    assert passed.value is error


@pytest.mark.parametrize('error', [PermissionError(13, 'Permission denied', 'a'), DistilPoseError('a sentence')])
def test_these_pass_from_a_constructor_too(error: Exception) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as passed, building_as_sentences({}):
        MODELS.build(dict(type=fail))
    assert passed.value is error


def test_the_log_that_has_the_traceback_stays_known() -> None:
    error = ValueError('no')
    note(error, traceback_file=Path('run.log'))

    def fail() -> None:
        raise error

    with pytest.raises(BuildFailed, match='cannot be built: ValueError: no; ') as failed, building_as_sentences({}):
        MODELS.build(dict(type=fail))
    assert failed.value.traceback_file == Path('run.log')  # type: ignore[attr-defined]
