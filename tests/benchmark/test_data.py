"""The plain pipeline that a fast one is compared with."""

from __future__ import annotations

import pytest
from mmengine.config import Config

from distilpose.benchmark.data import plain_loader
from distilpose.config.data import with_fast_data
from distilpose.errors import DistilPoseError

STEPS = [dict(type='LoadImage'), dict(type='TopdownAffine', input_size=(48, 64)), dict(type='PackPoseInputs')]


PLAIN = dict(batch_size=3, sampler=dict(type='DefaultSampler', shuffle=True),
             dataset=dict(type='CocoDataset', ann_file='people.json', pipeline=STEPS))


@pytest.mark.parametrize('together', [False, True])
def test_the_plain_loader_is_what_the_fast_one_was_made_of(together: bool) -> None:
    base = dict(train_pipeline=STEPS, val_pipeline=STEPS, train_dataloader=PLAIN)
    _, _, *changes = with_fast_data(base, reduced=True, together=together)
    for change in changes:
        fast = Config(PLAIN)
        fast.merge_from_dict(change)
        plain = plain_loader(fast.to_dict())
        assert {key: plain[key] for key in ('batch_size', 'dataset')} == {key: PLAIN[key] for key in (
            'batch_size', 'dataset')} and plain['sampler']['type'] == 'DefaultSampler' and 'collate_fn' not in plain


def test_nothing_to_compare_is_a_sentence() -> None:
    with pytest.raises(DistilPoseError, match='nothing to compare'):
        plain_loader(dict(dataset=dict(pipeline=STEPS)))
