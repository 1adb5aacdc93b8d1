"""ViTPose's own files, plain and of a mixture of experts, and those of Hugging Face, are those of mmpose's recipes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from distilpose.checkpoints import load_strict, read_weights
from distilpose.checkpoints.published import SOURCES, recognise, to_our_names
from distilpose.config import build_estimator
from distilpose.errors import DistilPoseError
from tests import vitpose

KINDS = {'its own repository': vitpose.own_repository, "Hugging Face's transformers": vitpose.hugging_face}


def equal(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    """Positions are sums, the others are moved only."""
    assert found.keys() == expected.keys()
    return all(torch.allclose(value, expected[name], rtol=0, atol=1e-6 if name.endswith('pos_embed') else 0)
               for name, value in found.items())


@pytest.mark.parametrize('simple', [True, False])
@pytest.mark.parametrize('experts', [1, 3])
@pytest.mark.parametrize('kind', KINDS)
def test_comes_out_under_the_names_of_the_recipes(kind: str, experts: int, simple: bool) -> None:
    state = vitpose.build(simple=simple).state_dict()
    published = KINDS[kind](state, experts=experts)
    assert recognise(published.keys()).name == f'a ViTPose of {kind}'
    assert sum(source.matches(published) for source in SOURCES
               if source.name != 'a pose estimator of mmpose 0.x') == 1
    assert equal(dict(to_our_names(published)), state)


def test_one_of_the_files_of_a_split_mixture_has_the_whole_layer_already() -> None:
    state = vitpose.build().state_dict()
    assert equal(dict(to_our_names(vitpose.own_repository(state, experts=3, split=True))), state)


def test_experts_may_be_nested() -> None:
    """As transformers wrote them at first."""
    state = vitpose.build().state_dict()
    old = {name.replace('.experts.', '.experts.experts.'): value
           for name, value in vitpose.hugging_face(state, experts=2).items()}
    assert equal(dict(to_our_names(old)), state)


def test_our_own_names_pass_unchanged() -> None:
    state = vitpose.build().state_dict()
    assert recognise(state.keys()) is None and to_our_names(state) is state


def test_a_class_token_that_nothing_reads_is_left_out(tmp_path: Path) -> None:
    expected = vitpose.build().state_dict()
    published = {**vitpose.own_repository(expected), 'backbone.cls_token': torch.zeros(1, 1, vitpose.DIM)}
    torch.save(dict(state_dict=published), tmp_path / 'vitpose.pth')
    model = build_estimator(vitpose.network())
    load_strict(model, read_weights(tmp_path / 'vitpose.pth').state, source='the file')
    assert equal(dict(model.state_dict()), expected)


@pytest.mark.parametrize('kind, name', [
    ('its own repository', 'backbone.pos_embed'),
    ("Hugging Face's transformers", 'backbone.encoder.layer.1.attention.attention.value.weight')])
def test_a_tensor_that_is_missing_is_named_with_the_file(kind: str, name: str, tmp_path: Path) -> None:
    published = KINDS[kind](vitpose.build().state_dict())
    del published[name]
    torch.save(published, tmp_path / 'cut.pth')
    with pytest.raises(DistilPoseError, match=rf'cut\.pth: this looks like a ViTPose.*lack {name}'):
        read_weights(tmp_path / 'cut.pth')
