from __future__ import annotations

import pytest
import torch
from mmpose.models.heads import (
    CPMHead,
    HeatmapHead,
    IntegralRegressionHead,
    RegressionHead,
    RLEHead,
    RTMCCHead,
    RTMWHead,
    SimCCHead,
)
from torch import nn

from distilpose.errors import DistilPoseError
from distilpose.models import read_labels, read_outputs
from distilpose.structures import PoseOutputs
from tests.devices import on_device
from tests.networks import batch

FEATURES = (torch.zeros(2, 8, 4, 4),)
SIMCC = dict(in_channels=8, out_channels=3, input_size=(16, 16), in_featuremap_size=(4, 4))


def make(head_class: type[nn.Module], **options) -> nn.Module:
    return head_class(**options)


def test_heatmap_head() -> None:
    head = HeatmapHead(8, 3, deconv_out_channels=None)
    assert [m.shape for m in read_outputs(head, head(FEATURES), FEATURES).heatmaps] == [(2, 3, 4, 4)]


def test_every_stack_of_a_cpm_head() -> None:
    head = CPMHead(in_channels=8, out_channels=3, num_stages=2, deconv_out_channels=None)
    assert len(read_outputs(head, head([FEATURES[0], FEATURES[0]]), FEATURES).heatmaps) == 2


@on_device
def test_regression_head() -> None:
    head = RegressionHead(8, 3)
    assert read_outputs(head, head((torch.zeros(2, 8),)), FEATURES).coords.shape == (2, 3, 2)


@on_device
def test_rle_head_has_the_scale_of_its_errors() -> None:
    head = RLEHead(8, 3)
    outputs = read_outputs(head, torch.arange(24.0).reshape(2, 3, 4), FEATURES)
    assert outputs.coords[0].tolist() == [[0, 1], [4, 5], [8, 9]]
    assert outputs.error_scales[0].tolist() == [[2, 3], [6, 7], [10, 11]]


@on_device
def test_integral_head_expects_the_fraction_of_the_cell_with_all_the_weight() -> None:
    head = IntegralRegressionHead(3, (4, 4), 3, deconv_out_channels=None)
    head.final_layer = nn.Identity()
    features = torch.zeros(1, 3, 4, 4)
    features[:, :, 3, 1] = 1e3
    coords = read_outputs(head, head((features,)), (features,)).coords
    torch.testing.assert_close(coords, torch.tensor([0.25, 0.75]).expand(1, 3, 2))


def test_simcc_heads() -> None:
    gau = dict(hidden_dims=8, s=8, expansion_factor=2, dropout_rate=0., drop_path=0., act_fn='SiLU', use_rel_bias=False,
               pos_enc=False)
    for head in (SimCCHead(**SIMCC, deconv_out_channels=None), RTMCCHead(**SIMCC, gau_cfg=gau)):
        simcc = read_outputs(head, head(FEATURES), FEATURES).simcc
        assert [part.shape for part in simcc] == [(2, 3, 32), (2, 3, 32)]


@on_device
def test_rtmw_head_takes_two_maps() -> None:
    gau = dict(hidden_dims=8, s=8, expansion_factor=2, dropout_rate=0., drop_path=0., act_fn='SiLU', use_rel_bias=False,
               pos_enc=False)
    features = torch.zeros(2, 8, 8, 8), torch.zeros(2, 16, 4, 4)
    head = RTMWHead(**dict(SIMCC, in_channels=16), gau_cfg=gau)
    outputs = read_outputs(head, head(features), features)
    assert [part.shape for part in outputs.simcc] == [(2, 3, 32), (2, 3, 32)]


@on_device
def test_pose_outputs_pass_with_the_features_added() -> None:
    outputs = read_outputs(nn.Identity(), PoseOutputs(coords=torch.zeros(1)), FEATURES)
    assert outputs.features[0] is FEATURES[0] and outputs.produced() == ('coords', 'features')


def test_an_unknown_head_is_refused_by_name() -> None:
    with pytest.raises(DistilPoseError, match='Identity returned int'):
        read_outputs(nn.Identity(), 3, FEATURES)


@on_device
def test_float_converts_every_field() -> None:
    half = torch.zeros(1, dtype=torch.bfloat16)
    outputs = PoseOutputs(heatmaps=(half, half), coords=half).float()
    assert {value.dtype for value in (*outputs.heatmaps, outputs.coords)} == {torch.float32}
    assert outputs.scores is None


@on_device
def test_an_image_is_labelled_unless_its_sample_has_labelled_false() -> None:
    _, samples = batch(3)
    samples[1].set_metainfo(dict(labelled=False))
    assert read_labels(samples).labelled.tolist() == [True, False, True]
