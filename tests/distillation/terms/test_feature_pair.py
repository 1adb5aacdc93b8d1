from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from distilpose.distillation import DistillationTerm, FeaturePair
from distilpose.errors import DistilPoseError
from distilpose.structures import Labels, PoseOutputs
from tests.devices import on_device


def layers(*shape: int) -> PoseOutputs:
    return PoseOutputs(layers={'x': torch.randn(shape)}, features=(torch.zeros(1, 1, 9, 9), torch.randn(shape)))


def pair(**options: object) -> FeaturePair:
    return FeaturePair('x', 'x', **options)


def test_a_term_reads_what_the_pair_declares() -> None:
    class AnyTerm(DistillationTerm):
        def forward(self, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> Tensor:
            raise NotImplementedError

    term = AnyTerm()
    assert FeaturePair(None, 'neck').declared_by(term).teacher_layer == 'neck'
    assert (term.student_fields, term.student_layers) == (('features',), ())
    assert (term.teacher_fields, term.teacher_layers) == (('layers',), ('neck',))


@on_device
def test_without_names_it_reads_the_last_feature_maps() -> None:
    one, other = layers(2, 4, 6, 4), layers(2, 5, 6, 4)
    found = FeaturePair().read(one, other)
    assert found[0] is one.features[-1] and found[1] is other.features[-1]


@on_device
def test_it_bridges_sizes_and_channels_as_far_as_the_loss_needs() -> None:
    one, other = layers(2, 4, 6, 4), layers(2, 5, 3, 2)
    assert pair().mismatch(one, other) is None
    found, expected = pair().read(one, other)
    assert found.shape == (2, 4, 3, 2) and pair().make_projector(one, other)(found).shape == expected.shape
    assert pair(same_size=False).read(one, other)[0].shape == (2, 4, 6, 4)
    assert pair(resize='student').read(other, one)[0].shape == (2, 5, 6, 4)
    assert isinstance(pair(same_channels=False).make_projector(one, other), nn.Identity)


@pytest.mark.parametrize(('one', 'other', 'options', 'reason'), [
    ((2, 6, 8), (2, 6, 8), {}, "the student's layer 'x' puts out tokens (B, 6, 8), and the term compares maps"),
    ((2, 4, 6, 4), (2, 4), dict(takes=('maps', 'vectors')), "(B, 4, 6, 4), the teacher's layer 'x' vectors (B, 4)"),
    ((2, 6, 8), (2, 7, 8), dict(takes=('tokens',)), "the student's layer 'x' has 6 tokens, the teacher's layer 'x' 7"),
    ((2, 4, 8, 6), (2, 4, 7, 7), {}, "the student's layer 'x' is 6x8 (width x height), the teacher's layer 'x' 7x7, of "
                                     'another aspect ratio'),
    ((2, 4, 2, 8, 6), (2, 4), {}, 'a tensor of 5 dimensions (B, 4, 2, 8, 6)')])
def test_what_cannot_be_bridged_is_refused(one: tuple, other: tuple, options: dict, reason: str) -> None:
    assert reason in str(pair(**options).mismatch(layers(*one), layers(*other)))


def test_a_loss_that_needs_neither_takes_any_two_layers() -> None:
    options = dict(takes=('maps', 'vectors'), same_size=False, same_channels=False)
    assert pair(**options).mismatch(layers(2, 4, 6, 4), layers(2, 9)) is None


def test_other_options_are_refused() -> None:
    with pytest.raises(DistilPoseError, match=r"resize is 'smaller'; expected one of larger, student"):
        FeaturePair(resize='smaller')
    with pytest.raises(DistilPoseError, match=r'teacher_layer is 3; expected the name of a layer'):
        FeaturePair(teacher_layer=3)  # type: ignore[arg-type]
