"""Files of the names and forms of presets, with random weights, are read as these say."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from distilpose.distillation.teachers import OnnxTeacher, build_teacher
from distilpose.distillation.teachers.presets import PRESETS, Preset, describe_preset
from tests.onnx_files import Shows, export

pytest.importorskip('onnxruntime')

FORMS = [preset for preset in PRESETS.values()
         if preset.name in ('rtmpose-s', 'rtmpose-m-halpe26', 'rtmpose-m-hand', 'dwpose-l-384', 'rtmw-m', 'vitpose-b',
                            'movenet-thunder', 'movenet-lightning-points')]


def write(preset: Preset, folder: Path) -> Path:
    """A network of one convolution that shows what the preset says, in the form of its file."""
    found = describe_preset(preset)
    (width, height), count = found.input.size, len(found.keypoint_names)
    nhwc = found.input.layout == 'nhwc'

    def read(maps: Tensor) -> Tensor | tuple[Tensor, ...]:
        if found.outputs.kind == 'heatmaps':
            return torch.nn.functional.interpolate(maps, scale_factor=4.0, mode='bilinear').sigmoid()
        rows = maps.flatten(2)
        if found.outputs.kind == 'coordinates':
            return rows[:, None, :, :3].sigmoid()
        return rows[..., :1] * torch.arange(2.0 * width), rows[..., 1:2] * torch.arange(2.0 * height)

    outputs = dict(heatmaps=['heatmaps'], simcc=['simcc_x', 'simcc_y'], coordinates=['output_0'])[found.outputs.kind]
    return export(Shows(read, channels=count, nhwc=nhwc), folder / preset.file, outputs=outputs, size=(width, height),
                  nhwc=nhwc, batch=1 if nhwc else None, dtype=torch.int32 if nhwc else torch.float32)


@pytest.mark.parametrize('preset', FORMS, ids=lambda preset: preset.name)
def test_a_file_of_the_form_of_a_preset_needs_no_description(preset: Preset, tmp_path: Path) -> None:
    file = write(preset, tmp_path)
    teacher, found = build_teacher(dict(type='OnnxTeacher', file=str(file))), describe_preset(preset)
    assert isinstance(teacher, OnnxTeacher) and teacher.keypoint_names == found.keypoint_names
    assert (teacher.input.size, teacher.input.padding) == (found.input.size, found.input.padding)
    assert teacher.input.rgb and teacher.input.udp == bool(found.input.udp)
    images = torch.full((2, 3, *teacher.input.size[::-1]), 100.0)
    outputs = teacher.outputs(images)
    field = dict(heatmaps='heatmaps', simcc='simcc', coordinates='coords')[found.outputs.kind]
    value = getattr(outputs, field)
    assert (value if field == 'coords' else value[0]).shape[:2] == (2, len(found.keypoint_names))
    assert teacher.simcc_beta == (found.outputs.beta or 1.0)


def test_the_points_of_movenet_are_y_before_x_and_have_scores(tmp_path: Path) -> None:
    preset = PRESETS['movenet-lightning-points']
    teacher = build_teacher(dict(type='OnnxTeacher', file=str(write(preset, tmp_path))))
    images = torch.rand(1, 3, 192, 192) * 255
    raw = teacher.session.run(images.movedim(1, -1), teacher.session.outputs)[0].reshape(1, 17, 3)
    outputs = teacher.outputs(images)
    torch.testing.assert_close(outputs.coords, raw[..., [1, 0]])
    torch.testing.assert_close(outputs.scores, raw[..., 2:])
