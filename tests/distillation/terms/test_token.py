from __future__ import annotations

import pytest
import torch

from distilpose.distillation.terms import TokenTerm
from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs
from tests.devices import in_dtype
from tests.distillation.labels import labels


def outputs(tokens: int = 6, dim: int = 4, *, seed: int = 0) -> PoseOutputs:
    generator = torch.Generator().manual_seed(seed)
    return PoseOutputs(visual_tokens=torch.randn(2, tokens, dim, generator=generator),
                       keypoint_tokens=torch.randn(2, 3, dim, generator=generator))


@in_dtype
@pytest.mark.parametrize('tokens', ['visual', 'keypoint'])
def test_is_the_mean_squared_error_of_that_kind_of_tokens(tokens: str) -> None:
    student, teacher = outputs(seed=0), outputs(seed=1)
    difference = getattr(student, f'{tokens}_tokens') - getattr(teacher, f'{tokens}_tokens')
    loss = TokenTerm(tokens)(student, teacher, labels(torch.ones(2, 3)))
    torch.testing.assert_close(loss, difference.square().mean())


@in_dtype
def test_zero_when_equal_and_blind_to_labels() -> None:
    assert TokenTerm('visual')(outputs(), outputs(), labels(torch.ones(2, 3))) == 0
    student, teacher = outputs(seed=0), outputs(seed=1)
    none, all_ = labels(torch.zeros(2, 3)), labels(torch.ones(2, 3))
    assert TokenTerm('keypoint')(student, teacher, none) == TokenTerm('keypoint')(student, teacher, all_)


@in_dtype
def test_other_grid_or_width_is_a_mismatch() -> None:
    reason = TokenTerm('visual').mismatch(outputs(tokens=6), outputs(tokens=8))
    assert '6 visual_tokens' in reason and 'the teacher 8' in reason
    assert 'width 4' in TokenTerm('keypoint').mismatch(outputs(dim=4), outputs(dim=8))
    assert TokenTerm('visual').mismatch(outputs(), outputs()) is None


def test_other_kind_is_refused() -> None:
    with pytest.raises(DistilPoseError, match='visual'):
        TokenTerm('class')
