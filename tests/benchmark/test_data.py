"""The plain pipeline that a fast one is compared with."""

from __future__ import annotations

import pytest

from distilpose.benchmark.data import plain_loader
from distilpose.data_config import with_late_decoding
from distilpose.errors import DistilPoseError

STEPS = [dict(type='LoadImage'), dict(type='TopdownAffine', input_size=(48, 64)), dict(type='PackPoseInputs')]


def test_the_plain_loader_is_what_the_fast_one_was_made_of() -> None:
    train, val, *_ = with_late_decoding(dict(train_pipeline=STEPS, val_pipeline=STEPS), reduced=True)
    for pipeline in (train, val):
        loader = dict(batch_size=3, dataset=dict(type='CocoDataset', pipeline=pipeline))
        assert plain_loader(loader) == dict(batch_size=3, dataset=dict(type='CocoDataset', pipeline=STEPS))
        assert loader['dataset']['pipeline'] is pipeline != STEPS


def test_nothing_to_compare_is_a_sentence() -> None:
    with pytest.raises(DistilPoseError, match='nothing to compare'):
        plain_loader(dict(dataset=dict(pipeline=STEPS)))
