from __future__ import annotations

import pytest
import torch

from distilpose.structures import Labels, PoseOutputs


def test_labelled_joints_are_distilled_and_all_joints_of_images_without_annotations() -> None:
    weights, labelled = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]), torch.tensor([True, True, False])
    assert Labels(weights, labelled).distillation_weights().tolist() == [[1, 0], [0, 0], [1, 1]]
    mask = torch.tensor([[0.0, 1.0]] * 3)
    assert Labels(weights, labelled, mask).distillation_weights().tolist() == [[0, 0], [0, 0], [0, 1]]


def test_outputs_in_float32_keep_their_fields() -> None:
    half = torch.ones(1, 2, 4, dtype=torch.float16)
    outputs = PoseOutputs(heatmaps=(half[None],), simcc=(half, half)).float()
    assert outputs.produced() == ('heatmaps', 'simcc') and outputs.coords is None
    assert {tensor.dtype for field in (outputs.heatmaps, outputs.simcc) for tensor in field} == {torch.float32}


def test_layers_are_a_field_like_others() -> None:
    half = torch.ones(1, 2, dtype=torch.float16)
    outputs = PoseOutputs(layers={'backbone.layer3': half, 'neck': half}, coords=half).float()
    assert outputs.produced() == ('coords', 'layers') and outputs.layers is not None
    assert [(name, value.dtype) for name, value in outputs.layers.items()] == [
        ('backbone.layer3', torch.float32), ('neck', torch.float32)]
    assert [len(outputs.tensors(field)) for field in ('layers', 'coords', 'simcc')] == [2, 1, 0]


def test_the_old_name_of_the_weights_still_works_and_warns() -> None:
    labels = Labels(torch.ones(1, 2), torch.tensor([True]))
    with pytest.warns(DeprecationWarning, match=r'Labels\.distillation_weights'):
        assert labels.taught().tolist() == [[1, 1]]


def test_a_term_with_the_old_name_of_supports_grids_still_works_and_warns() -> None:
    from distilpose.distillation import DistillationTerm
    with pytest.warns(DeprecationWarning, match='knows_grids is now supports_grids'):
        assert type('OwnTerm', (DistillationTerm,), dict(knows_grids=True)).supports_grids
