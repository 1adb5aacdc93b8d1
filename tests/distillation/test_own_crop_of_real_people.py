"""What a small crop costs a real teacher is recovered by a crop of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmpose.registry import DATASETS
from torch import Tensor

from distilpose.config import with_teacher_crop
from distilpose.distillation.heatmap_grid import COMMON_GRIDS, HeatmapGrid, HeatmapGrids
from distilpose.distillation.image_adapter import adapter_between
from distilpose.distillation.own_crop import OwnCrop
from distilpose.distillation.teachers import OnnxTeacher, Teacher
from distilpose.distillation.teachers.decoding import coordinates_of
from distilpose.structures import NetworkInput, PoseOutputs

PEOPLE, BATCH = 64, 16


@pytest.fixture(scope='module')
def lightning(shared: Path) -> Teacher:
    pytest.importorskip('onnxruntime')
    file = shared / 'teachers' / 'movenet_lightning.onnx'
    if not file.is_file():
        pytest.skip(f'{file} is not on this machine')
    return OnnxTeacher(file)


def people(shared: Path, teacher: Teacher, size: tuple[int, int], *, use_udp: bool = False) -> list[dict]:
    """Validation people in crops of this size, with the teacher's own."""
    steps = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale', padding=1.25),
             dict(type='TopdownAffine', input_size=size, use_udp=use_udp),
             dict(type='PackPoseInputs', pack_transformed=True)]
    images = NetworkInput(size=teacher.input.size)  # with the student's padding, so that only pixels differ
    with DefaultScope.overwrite_default_scope('mmpose'):
        dataset = DATASETS.build(dict(
            type='CocoDataset', data_root=f'{shared}/data/lspet/', ann_file='annotations/person_keypoints_val.json',
            data_prefix=dict(img='images/'), pipeline=with_teacher_crop(steps, images)))
    return [dataset[index] for index in range(PEOPLE)]


def pck(found: Tensor, samples: list[dict], size: tuple[int, int]) -> float:
    """Share of labelled joints that lie within a tenth of the box's longer side; heatmaps (N, 17, H, W)."""
    height, width = found.shape[-2:]
    peak = found.flatten(2).argmax(-1)
    places = torch.stack([peak % width / width, peak // width / height], -1)
    instances = [sample['data_samples'].gt_instances for sample in samples]
    truth = torch.as_tensor(np.stack([one.transformed_keypoints[0] for one in instances])) / torch.tensor(size)
    labelled = torch.as_tensor(np.stack([one.keypoints_visible[0] for one in instances])) > 0
    boxes = np.stack([one.bboxes[0] for one in instances])
    sides = torch.as_tensor((boxes[:, 2:] - boxes[:, :2]).max(1))
    scales = torch.as_tensor(np.stack([sample['data_samples'].input_scale for sample in samples]))
    distances = ((places - truth) * scales[:, None]).norm(dim=-1) / sides[:, None]
    return 100 * float((distances[labelled] < 0.1).float().mean())


def shown(teacher: Teacher, images: Tensor) -> PoseOutputs:
    return PoseOutputs(heatmaps=(torch.cat([teacher.outputs(part).heatmaps[-1] for part in images.split(BATCH)]), ))


@pytest.mark.parametrize('use_udp', [False, True])
def test_a_udp_students_maps_have_the_joints_where_those_of_msra_have_them(shared: Path, lightning: Teacher,
                                                                           use_udp: bool) -> None:
    size, cells = (192, 256), (48, 64)
    samples = people(shared, lightning, size, use_udp=use_udp)[:BATCH]
    grid, empty, maps, found = HeatmapGrid('udp', size), torch.zeros(1, 1, *cells[::-1]), [], []
    for grids in (COMMON_GRIDS, HeatmapGrids(grid)):
        crop = OwnCrop(lightning.input, student=size, student_outputs=PoseOutputs(heatmaps=(empty,)), grids=grids)
        crops = crop.read([sample['data_samples'] for sample in samples], torch.device('cpu'))
        maps.append(crop.to_student(shown(lightning, crop.normalise(crops.images)), crops))
        found.append(coordinates_of(maps[-1], grid=crop.grids.target) * torch.tensor(cells))
    is_sure = (torch.stack([one.heatmaps[-1].amax((-2, -1)) for one in maps]) > 0.5).all(0)
    assert is_sure.float().mean() > 0.3
    off = (found[0] - found[1])[is_sure]  # its peaks are narrow, so that a place between two cells is lost in either
    assert off.mean(0).abs().max() < 0.03 and off.abs().median() < 0.1
    as_common = coordinates_of(maps[1]) * torch.tensor(cells)
    assert (found[0] - as_common)[is_sure].mean() > 0.2  # of UDP's cells, 3 / 4 at the right and lower border


def own(shared: Path, teacher: Teacher, size: tuple[int, int]) -> tuple[float, list[dict]]:
    samples = people(shared, teacher, size)
    crop = OwnCrop(teacher.input, student=size, student_outputs=PoseOutputs())
    crops = crop.read([sample['data_samples'] for sample in samples], torch.device('cpu'))
    outputs = crop.to_student(shown(teacher, crop.normalise(crops.images)), crops)
    return pck(outputs.heatmaps[-1], samples, size), samples


def test_a_crop_of_its_own_recovers_what_a_small_one_costs(shared: Path, lightning: Teacher) -> None:
    whole = own(shared, lightning, (192, 192))[0]
    found, samples = own(shared, lightning, (64, 64))
    normalised = NetworkInput((64, 64), lightning.input.mean, lightning.input.std, rgb=True)
    pixels = torch.stack([sample['inputs'] for sample in samples]).flip(1)
    mean, std = (torch.tensor(value)[:, None, None] for value in (normalised.mean, normalised.std))
    enlarged = shown(lightning, adapter_between(normalised, lightning.input)((pixels - mean) / std))
    assert found >= whole - 1
    assert pck(enlarged.heatmaps[-1], samples, (64, 64)) < whole - 5


def test_a_square_teacher_finds_people_in_upright_crops(shared: Path, lightning: Teacher) -> None:
    assert own(shared, lightning, (96, 128))[0] >= own(shared, lightning, (192, 192))[0] - 1
