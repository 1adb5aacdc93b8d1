import numpy as np
import pytest
import torch
from mmpose.codecs import MSRAHeatmap, SimCCLabel

from distilpose.distillation.teachers.decoding import certainty_of, coordinates_of
from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs
from tests.devices import on_device

INPUT, MAP, JOINTS = (48, 64), (12, 16), 5


def _gaussians(centres, *, sigma=1.2, size=MAP):
    """(B, K, 2) centres in cells to (B, K, H, W) gaussians of peak 1."""
    x, y = (torch.arange(count, dtype=torch.float32) for count in size)
    square = ((x - centres[..., :1]) ** 2).unsqueeze(-2) + ((y - centres[..., 1:]) ** 2).unsqueeze(-1)
    return torch.exp(-0.5 * square / sigma ** 2)


def test_quarter_offset_is_that_of_msra_heatmap():
    torch.manual_seed(0)
    maps = torch.rand(40, JOINTS, MAP[1], MAP[0]) - 0.3
    maps[:3, 0] = -1  # nothing above 0
    maps[3, :, 0, 4] = maps[4, :, 5, 0] = maps[5, :, 1, 1] = maps[6, :, -1, -1] = maps[7, :, 0, 0] = 2  # borders
    maps[8, :, 3, 3] = maps[8, :, 9, 9] = 2  # equal cells
    codec = MSRAHeatmap(input_size=INPUT, heatmap_size=MAP, sigma=1)
    expected = np.stack([codec.decode(one.cpu().numpy())[0][0] for one in maps])
    found = coordinates_of(PoseOutputs(heatmaps=(maps * 0, maps)), refinement='quarter') * torch.tensor(INPUT)
    np.testing.assert_allclose(found.cpu().numpy(), expected, atol=1e-5)
    scores = np.stack([codec.decode(one.cpu().numpy())[1][0] for one in maps])
    np.testing.assert_allclose(certainty_of(PoseOutputs(heatmaps=(maps,))).cpu().numpy(), scores.clip(0, 1), atol=1e-7)


def test_bins_are_those_of_simcc_label():
    torch.manual_seed(0)
    codec = SimCCLabel(input_size=INPUT, sigma=(2.0, 2.0), simcc_split_ratio=2.0)
    along_x, along_y = torch.rand(6, JOINTS, 96), torch.rand(6, JOINTS, 128)
    along_x[0, 0, [4, 9]] = 2  # equal bins
    expected = codec.decode(along_x.cpu().numpy(), along_y.cpu().numpy())[0]
    found = coordinates_of(PoseOutputs(simcc=(along_x, along_y))) * torch.tensor(INPUT)
    np.testing.assert_allclose(found.cpu().numpy(), expected, atol=1e-5)


@on_device
def test_bins_below_zero_are_bins():
    """Logits have no sign that says something; mmpose, which reads labels too, would give -1."""
    logits = -torch.ones(1, 1, 10)
    logits[..., 7] = -0.5
    assert torch.equal(coordinates_of(PoseOutputs(simcc=(logits, logits))), torch.full((1, 1, 2), 0.7))


@on_device
def test_gaussian_refinement_is_exact_for_gaussians():
    torch.manual_seed(0)
    centres = torch.rand(20, JOINTS, 2) * (torch.tensor(MAP) - 3) + 1
    found = coordinates_of(PoseOutputs(heatmaps=(_gaussians(centres),)))
    torch.testing.assert_close(found * torch.tensor(MAP), centres, atol=2e-3, rtol=0)
    coarse = coordinates_of(PoseOutputs(heatmaps=(_gaussians(centres),)), refinement='none') * torch.tensor(MAP)
    assert (coarse - centres).abs().max() < 0.501  # the nearest cell; of two that are equally near, either


@on_device
@pytest.mark.parametrize('refinement', ['gaussian', 'quarter', 'none'])
def test_heatmaps_without_a_cell_above_zero_and_flat_ones(refinement):
    empty, flat = torch.zeros(1, 1, 16, 12), torch.ones(1, 1, 16, 12)
    found = coordinates_of(PoseOutputs(heatmaps=(torch.cat([empty, flat], 1),)), refinement=refinement)
    torch.testing.assert_close(found, torch.tensor([[[-1 / 12, -1 / 16], [0, 0]]]))
    assert certainty_of(PoseOutputs(heatmaps=(torch.cat([empty, flat], 1),))).tolist() == [[0, 1]]


@on_device
def test_coordinates_and_scores_come_first():
    torch.manual_seed(0)
    coords, scores = torch.rand(2, JOINTS, 2), torch.rand(2, JOINTS, 1)
    outputs = PoseOutputs(coords=coords, scores=scores, heatmaps=(torch.rand(2, JOINTS, 16, 12),),
                          simcc=(torch.rand(2, JOINTS, 24), torch.rand(2, JOINTS, 32)))
    assert coordinates_of(outputs) is coords
    assert torch.equal(certainty_of(outputs), scores[..., 0])
    assert torch.equal(certainty_of(PoseOutputs(coords=coords)), torch.ones(2, JOINTS))


@on_device
def test_simcc_certainty_is_a_probability_that_does_not_depend_on_the_bins():
    found = []
    for count in (96, 192, 384):
        place = torch.arange(count) / count
        logits = torch.exp(-0.5 * ((place - 0.4) / 0.02) ** 2)[None, None] * 20
        found.append(certainty_of(PoseOutputs(simcc=(logits, logits))).item())
    assert np.ptp(found) < 0.03 and 0.9 < min(found) <= max(found) <= 1
    flat = torch.zeros(1, 1, 100)
    assert certainty_of(PoseOutputs(simcc=(logits, flat))).item() == pytest.approx(0.03)  # of bins 0, 1 and 2
    assert certainty_of(PoseOutputs(simcc=(logits, logits)), beta=0.1).item() < found[-1]


@on_device
def test_masked_joints_are_not_certain():
    outputs = PoseOutputs(coords=torch.rand(1, 2, 2), mask=torch.tensor([[1.0, 0.0]]))
    assert certainty_of(outputs).tolist() == [[1, 0]]


@on_device
def test_what_is_not_a_number_stays_visible():
    maps = torch.ones(1, 1, 16, 12)
    maps[0, 0, 3, 3] = torch.nan
    assert certainty_of(PoseOutputs(heatmaps=(maps,))).isnan().all()


@on_device
def test_nothing_to_decode_and_unknown_refinement_are_refused():
    outputs = PoseOutputs(visual_tokens=torch.zeros(1, 2, 3))
    for read in (coordinates_of, certainty_of):
        with pytest.raises(DistilPoseError, match='predicts visual_tokens'):
            read(outputs)
    with pytest.raises(DistilPoseError, match="refinement='dark'; expected one of gaussian"):
        coordinates_of(outputs, refinement='dark')
