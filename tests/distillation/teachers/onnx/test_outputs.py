"""What names and shapes tell of a file's outputs, and what is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from distilpose.distillation.image_adapter import resample
from distilpose.distillation.teachers import OnnxTeacher
from distilpose.errors import DistilPoseError, RunFailed
from tests.onnx_files import PIXELS, Shows, export, write_heatmaps

K, SIZE = 5, (48, 64)
Network = Callable[[Tensor], Any]


def points(maps: Tensor, columns: int = 2) -> Tensor:
    """(B, K, 4, 3) to (B, K, columns) in [0, 1]."""
    return maps.flatten(2)[..., :columns].sigmoid()


def bins(maps: Tensor, count: int) -> Tensor:
    """(B, K, 4, 3) to (B, K, count)."""
    return torch.nn.functional.interpolate(maps.flatten(2), size=count, mode='linear')


def simcc(maps: Tensor) -> tuple[Tensor, Tensor]:
    return bins(maps, 96), bins(maps, 128)


def read(folder: Path, network: Network, shown: Sequence[str], *, size: tuple[int, int] = SIZE, channels: int = K,
         input: dict | None = None, keypoints: Sequence[str] | None = None, batch: int | None = None,
         **outputs: Any) -> OnnxTeacher:
    file = export(Shows(network, channels=channels), folder / 'net.onnx', outputs=shown, size=size, batch=batch)
    return OnnxTeacher(file, input=input or PIXELS, outputs={'beta': 1.0, **outputs}, keypoints=keypoints)


def expected(network: Network, images: Tensor, channels: int = K) -> Any:
    with torch.no_grad():
        return Shows(network, channels=channels)(images)


def images(count: int = 3, size: tuple[int, int] = SIZE) -> Tensor:
    return torch.randn(count, 3, size[1], size[0], generator=torch.Generator().manual_seed(1))


def close(found: Any, wanted: Any) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_heatmaps_of_several_stacks(tmp_path: Path) -> None:
    network = lambda maps: (maps, maps * 2)
    found = read(tmp_path, network, ['first', 'last'], grid='i/n').outputs(images())
    assert found.produced() == ('heatmaps',)
    close(found.heatmaps, expected(network, images()))


def test_heatmaps_with_keypoints_last_and_their_sigmoid(tmp_path: Path) -> None:
    network = lambda maps: maps.permute(0, 2, 3, 1)
    found = read(tmp_path, network, ['maps'], grid='i/n', values='logits')
    assert found.reading.layout == 'nhwc' and found.heatmap_size == (3, 4)
    close(found.outputs(images()).heatmaps[0], expected(lambda maps: maps.sigmoid(), images()))


def test_the_layout_of_heatmaps_that_could_be_both_is_asked_for(tmp_path: Path) -> None:
    network = lambda maps: torch.nn.functional.interpolate(maps, size=(8, 8), mode='bilinear')
    with pytest.raises(DistilPoseError, match=r"model\.teacher\.outputs\.layout='nchw'"):
        read(tmp_path, network, ['maps'], size=(64, 64), channels=8, grid='i/n')
    read(tmp_path, network, ['maps'], size=(64, 64), channels=8, grid='i/n', layout='nchw')


@pytest.mark.parametrize('grid, place', [
    ('i/n', lambda cell, n, side: cell), ('centers', lambda cell, n, side: cell + 0.5),
    ('udp', lambda cell, n, side: cell * (side - 1) / (n - 1) * n / side)])
def test_a_peak_lands_on_the_common_grid(grid: str, place: Callable, tmp_path: Path) -> None:
    """A wide gaussian around a cell, read where that cell lies on the common grid."""
    file = write_heatmaps(tmp_path / 'net.onnx', keypoints=1, size=(192, 256))
    teacher = OnnxTeacher(file, input=PIXELS, outputs=dict(grid=grid))
    columns, rows = teacher.heatmap_size or (0, 0)
    cells_x, cells_y = torch.arange(columns), torch.arange(rows)
    peak = torch.exp(-((cells_x - 30.0) ** 2)[None] / 32) * torch.exp(-((cells_y - 20.0) ** 2)[:, None] / 32)
    found = teacher.reading.read([peak[None, None]]).heatmaps[-1][0, 0]
    mean_x, mean_y = (found * cells_x).sum() / found.sum(), (found * cells_y[:, None]).sum() / found.sum()
    assert float(mean_x) == pytest.approx(place(30, columns, 192), abs=0.02)
    assert float(mean_y) == pytest.approx(place(20, rows, 256), abs=0.02)


def test_resampling_by_half_a_cell_is_a_mean_of_neighbours() -> None:
    maps = torch.rand(1, 2, 4, 6)
    moved = resample(maps, (6, 4), start=-0.5)
    close(moved[..., 1:, 1:], torch.nn.functional.avg_pool2d(maps, 2, stride=1))


@pytest.mark.parametrize('names', [('simcc_x', 'simcc_y'), ('a', 'b')])
@pytest.mark.parametrize('turned', [False, True])
def test_simcc_by_names_or_by_proportions(names: tuple[str, str], turned: bool, tmp_path: Path) -> None:
    network = (lambda maps: simcc(maps)[::-1]) if turned else simcc
    teacher = read(tmp_path, network, names[::-1] if turned else names)
    assert teacher.reading.values == 'logits' and teacher.reading.cells == (96, 128)
    close(teacher.outputs(images()).simcc, expected(simcc, images()))


def test_names_of_simcc_that_contradict_the_proportions(tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match='the other way round'):
        read(tmp_path, simcc, ['simcc_y', 'simcc_x'])
    assert read(tmp_path, simcc, ['simcc_y', 'simcc_x'], names=('simcc_y', 'simcc_x')).reading.cells == (96, 128)


def test_simcc_of_a_square_input_without_telling_names_is_asked_for(tmp_path: Path) -> None:
    network = lambda maps: (bins(maps, 128), bins(maps, 128) * 2)
    with pytest.raises(DistilPoseError, match=r"outputs\.names=\('one', 'two'\) or the other way round"):
        read(tmp_path, network, ['one', 'two'], size=(64, 64))
    teacher = read(tmp_path, network, ['one', 'two'], size=(64, 64), names=('two', 'one'))
    close(teacher.outputs(images(size=(64, 64))).simcc, expected(network, images(size=(64, 64)))[::-1])


def test_probabilities_are_recognised_and_their_logarithm_is_taken(tmp_path: Path) -> None:
    network = lambda maps: tuple(rows.softmax(-1) for rows in simcc(maps))
    teacher = read(tmp_path, network, ['simcc_x', 'simcc_y'])
    assert teacher.reading.values == 'probabilities' and 'logarithm' in teacher.details()[1]
    found = teacher.outputs(images()).simcc
    close(tuple(rows.softmax(-1) for rows in found), expected(network, images()))
    assert torch.isfinite(teacher.reading.read([torch.zeros(1, K, 96), torch.zeros(1, K, 128)]).simcc[0]).all()
    with pytest.raises(DistilPoseError, match="'probabilities', and .* do not sum to 1"):
        read(tmp_path, simcc, ['simcc_x', 'simcc_y'], values='probabilities')


def test_beta_is_asked_for_of_logits(tmp_path: Path) -> None:
    file = export(Shows(simcc, channels=K), tmp_path / 'net.onnx', outputs=['simcc_x', 'simcc_y'])
    drawn = dict(size=(12, 16), sigma=1)
    with pytest.raises(DistilPoseError, match=r'model\.teacher\.outputs\.beta'):
        OnnxTeacher(file, input=PIXELS)
    teacher = OnnxTeacher(file, input=PIXELS, outputs=dict(beta=10), heatmaps=drawn)
    assert teacher.simcc_beta == 10.0 and teacher.outputs(images()).heatmaps[0].shape == (3, K, 16, 12)
    with pytest.raises(DistilPoseError, match='which only SimCC can'):
        OnnxTeacher(write_heatmaps(tmp_path / 'maps.onnx'), input=PIXELS, outputs=dict(grid='i/n'), heatmaps=drawn)


def test_coordinates_in_pixels_with_a_column_of_scores(tmp_path: Path) -> None:
    network = lambda maps: points(maps, 3) * torch.tensor([48.0, 64.0, 1.0])
    with pytest.raises(DistilPoseError, match=r"model\.teacher\.outputs\.unit='fractions' or 'pixels'"):
        read(tmp_path, network, ['keypoints'])
    found = read(tmp_path, network, ['keypoints'], unit='pixels').outputs(images())
    close(torch.cat([found.coords, found.scores], -1), expected(lambda maps: points(maps, 3), images()))


def test_coordinates_and_scores_as_two_outputs_in_any_order(tmp_path: Path) -> None:
    network = lambda maps: (maps[:, :, 0, 0], points(maps))
    found = read(tmp_path, network, ['scores', 'keypoints'], unit='fractions', values='logits').outputs(images())
    close((found.scores[..., 0], found.coords), expected(lambda maps: (maps[:, :, 0, 0].sigmoid(), points(maps)),
                                                         images()))


def test_movenets_own_form_y_x_score_behind_an_axis_of_one(tmp_path: Path) -> None:
    network = lambda maps: points(maps, 3)[:, None]
    found = read(tmp_path, network, ['output_0'], unit='fractions', columns=('y', 'x', 'score')).outputs(images())
    close(found.coords, expected(lambda maps: points(maps, 3), images())[..., [1, 0]])


def test_landmarks_in_one_row_ask_for_their_columns(tmp_path: Path) -> None:
    network = lambda maps: points(maps, 5).flatten(1) * 48
    with pytest.raises(DistilPoseError, match=r"outputs\.columns=\('x', 'y', \.\.\.\), what the numbers of a keypoint"):
        read(tmp_path, network, ['landmarks'], unit='pixels')
    with pytest.raises(DistilPoseError, match=r'what the 5 numbers of a keypoint are'):
        read(tmp_path, network, ['landmarks'], unit='pixels', keypoints=list('abcde'))
    teacher = read(tmp_path, network, ['landmarks'], unit='pixels', columns=('x', 'y', 'z', 'score', '-'))
    assert teacher.reading.keypoints == K
    found, wanted = teacher.outputs(images()), expected(lambda maps: points(maps, 5), images())
    close(found.coords, wanted[..., :2] * 48 / torch.tensor([48.0, 64.0]))
    close(found.scores[..., 0], wanted[..., 3] * 48)
    with pytest.raises(DistilPoseError, match='no list of 4 numbers'):
        read(tmp_path, network, ['landmarks'], unit='pixels', columns=('x', 'y', 'z', 'score'), names=('landmarks',))


def test_several_outputs_that_fit_are_named(tmp_path: Path) -> None:
    network = lambda maps: (points(maps), points(maps) * 2, maps)
    names = ['coords', 'sigmas', 'maps']
    with pytest.raises(DistilPoseError, match=r'the outputs coords \(B, 5, 2\), sigmas .* name those to take'):
        read(tmp_path, network, names, kind='coordinates', unit='fractions')
    found = read(tmp_path, network, names, names=('coords',), unit='fractions').outputs(images())
    close(found.coords, expected(network, images())[0])
    with pytest.raises(DistilPoseError, match=r"names has 'cords', and the outputs of the file are coords \(B, 5, 2\)"):
        read(tmp_path, network, names, names=('cords',))


def test_two_kinds_in_one_file_are_chosen_from(tmp_path: Path) -> None:
    network = lambda maps: (points(maps), maps)
    with pytest.raises(DistilPoseError, match=r"kind='heatmaps' or 'coordinates'"):
        read(tmp_path, network, ['coords', 'maps'])
    assert read(tmp_path, network, ['coords', 'maps'], kind='heatmaps', grid='i/n').reading.ports[0].name == 'maps'


def test_heatmaps_beside_a_row_of_scores_need_no_question(tmp_path: Path) -> None:
    network = lambda maps: (maps, maps.flatten(2).amax(-1))
    assert read(tmp_path, network, ['maps', 'scores'], channels=17, grid='i/n').reading.kind == 'heatmaps'


def test_what_is_no_pose_is_refused_with_its_shapes(tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match=r'the outputs classes \(B, 5, 12\) cannot be read; expected heatmaps'):
        read(tmp_path, lambda maps: maps.flatten(2), ['classes'])


def test_numbers_that_are_none_are_refused_by_the_name_of_the_output(tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match='maps of .*net.onnx has numbers that are not finite'):
        read(tmp_path, lambda maps: maps / 0, ['maps'], grid='i/n')
    teacher = read(tmp_path, lambda maps: maps, ['maps'], grid='i/n')
    with pytest.raises(RunFailed, match='maps of .*net.onnx has numbers that are not finite'):
        teacher.outputs(images() * float('inf'))


def test_coordinates_beside_a_row_of_scores_need_no_number_of_keypoints(tmp_path: Path) -> None:
    network = lambda maps: (maps.flatten(2).amax(-1).sigmoid(), points(maps))
    found = read(tmp_path, network, ['scores', 'joints'], channels=17, unit='fractions').outputs(images())
    scores, joints = expected(network, images(), 17)
    close((found.coords, found.scores), (joints, scores.unsqueeze(-1)))


def test_heatmaps_coordinates_and_scores_ask_which(tmp_path: Path) -> None:
    network = lambda maps: (maps, points(maps), maps.flatten(2).amax(-1).sigmoid())
    names = ['maps', 'joints', 'scores']
    with pytest.raises(DistilPoseError, match=r"net\.onnx: .*outputs\.kind='heatmaps' or 'coordinates'"):
        read(tmp_path, network, names, channels=17, grid='i/n', unit='fractions')
    found = read(tmp_path, network, names, channels=17, kind='coordinates', unit='fractions').outputs(images())
    assert found.produced() == ('coords', 'scores')


@pytest.mark.parametrize(('factor', 'unit', 'other'), [(48.0, 'fractions', 'pixels'), (1.0, 'pixels', 'fractions')])
def test_a_unit_that_cannot_be(factor: float, unit: str, other: str, tmp_path: Path) -> None:
    network = lambda maps: points(maps) * factor
    with pytest.raises(DistilPoseError, match=rf"net\.onnx: .*unit is '{unit}'; expected '{other}'"):
        read(tmp_path, network, ['joints'], unit=unit)
    close(read(tmp_path, network, ['joints'], unit=other).outputs(images()).coords,
          expected(network, images()) / (1 if other == 'fractions' else torch.tensor([48.0, 64.0])))


@pytest.mark.parametrize(('network', 'doubt'), [
    (lambda maps: maps.flatten(2).softmax(-1).unflatten(-1, (4, 3)), 'every heatmap sums to 1'),
    (lambda maps: maps * 100 - 50, "set outputs.values='logits'"),
    (lambda maps: maps.sigmoid(), None)])
def test_heatmaps_without_peaks_of_0_to_1_are_doubted(network: Network, doubt: str | None, tmp_path: Path) -> None:
    found = read(tmp_path, network, ['maps'], grid='i/n').doubts
    assert not found if doubt is None else doubt in found[0]
