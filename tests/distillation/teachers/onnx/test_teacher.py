"""The contract of an ONNX teacher: its input, frozen by digest, precision, batches, copies, devices, broken files."""

from __future__ import annotations

import copy
import pickle
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from distilpose.distillation import PoseDistiller
from distilpose.distillation.teachers import OnnxTeacher, build_teacher, teacher_input
from distilpose.distillation.teachers.onnx.session import OnnxSession
from distilpose.errors import DistilPoseError
from distilpose.structures import NetworkInput
from tests.networks import STUDENT, batch, teacher
from tests.onnx_files import PIXELS, Shows, export, export_teacher, write_heatmaps

GRID = dict(grid='i/n')
TERMS = dict(simulated_heatmap=dict(type='SimulatedHeatmapTerm'), score=dict(type='ScoreTerm'))


@pytest.fixture(scope='module')
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_heatmaps(tmp_path_factory.mktemp('onnx') / 'net.onnx')


def images(count: int = 3) -> Tensor:
    return torch.rand(count, 3, 64, 48, generator=torch.Generator().manual_seed(1))


def maps(one: OnnxTeacher, values: Tensor) -> Tensor:
    outputs = one.outputs(values).heatmaps
    assert outputs is not None
    return outputs[-1]


def test_what_it_says_of_itself(file: Path) -> None:
    spec = dict(type='OnnxTeacher', file=str(file), input=dict(PIXELS, padding=1.25), outputs=GRID, threads=1)
    one = build_teacher(dict(spec, crop='student', view='same', padding=1.0))
    assert one.input == NetworkInput((48, 64), (127.5,) * 3, (127.5,) * 3, rgb=True, padding=1.25)
    assert one.heatmap_size == (12, 16) and one.dtype is None and one.mode == 'eval' and one.name == 'net.onnx'
    assert one.describe() == 'ONNX graph net.onnx, heatmaps, 0.0131 M parameters'
    assert 'padding 1.25' in one.details()[0]


def test_outputs_are_float32_without_gradients_and_under_autocast_the_same(file: Path) -> None:
    one = OnnxTeacher(file, input=PIXELS, outputs=GRID)
    values = images().requires_grad_()
    plain = maps(one, values)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        mixed = maps(one, values)
    assert plain.dtype == torch.float32 and not plain.requires_grad
    torch.testing.assert_close(mixed, plain)


def test_images_that_are_no_block_of_memory_are_read_as_they_are(file: Path) -> None:
    one = OnnxTeacher(file, input=PIXELS, outputs=GRID)
    torch.testing.assert_close(maps(one, images().to(memory_format=torch.channels_last)), maps(one, images()))
    torch.testing.assert_close(maps(one, images().flip(0)[1:]), maps(one, images()).flip(0)[1:])


def test_outputs_stay_when_the_file_runs_again(file: Path) -> None:
    one = OnnxTeacher(file, input=PIXELS, outputs=GRID)
    first = maps(one, images())
    kept = first.clone()
    for _ in range(3):
        maps(one, torch.randn(3, 3, 64, 48))
    torch.testing.assert_close(first, kept, rtol=0, atol=0)


def test_the_files_digest_proves_that_it_is_frozen(tmp_path: Path, file: Path) -> None:
    import hashlib

    own = Path(shutil.copy(file, tmp_path / 'net.onnx'))
    one = OnnxTeacher(own, input=PIXELS, outputs=GRID)
    assert one.digest() == one.loaded_digest == hashlib.sha256(own.read_bytes()).hexdigest()
    own.write_bytes(own.read_bytes() + b'\x00')
    assert one.digest() != one.loaded_digest
    own.unlink()
    with pytest.raises(DistilPoseError, match='cannot be read'):
        one.digest()


def test_copies(tmp_path: Path, file: Path) -> None:
    own = Path(shutil.copy(file, tmp_path / 'net.onnx'))
    one = OnnxTeacher(own, input=PIXELS, outputs=GRID)
    assert copy.deepcopy(one) is one
    pickled = pickle.dumps(one)
    torch.testing.assert_close(maps(pickle.loads(pickled), images()), maps(one, images()), rtol=0, atol=0)
    own.write_bytes(own.read_bytes() + b'\x00')
    with pytest.raises(DistilPoseError, match='net.onnx changed since it was loaded'):
        maps(pickle.loads(pickled), images())
    own.unlink()
    with pytest.raises(DistilPoseError, match='net.onnx, which .* cannot be read'):
        maps(pickle.loads(pickled), images())


def test_a_session_has_as_many_threads_as_torch(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    opened: list[int] = []
    original = onnxruntime.InferenceSession

    def session(*args: Any, sess_options: Any, **kwargs: Any) -> Any:
        opened.append(sess_options.intra_op_num_threads)
        return original(*args, sess_options=sess_options, **kwargs)

    monkeypatch.setattr(onnxruntime, 'InferenceSession', session)
    threads = iter([3, 3, 2])
    monkeypatch.setattr(torch, 'get_num_threads', lambda: next(threads))
    found = OnnxSession(file)
    for _ in range(2):
        found.run(images(), found.outputs)
    assert opened == [3, 2]
    monkeypatch.undo()
    monkeypatch.setattr(onnxruntime, 'InferenceSession', session)
    OnnxSession(file, threads=4)
    assert opened[-1] == 4


@pytest.mark.parametrize('count', [1, 4, 5])
def test_a_fixed_batch_is_served_by_splitting_and_padding(count: int, tmp_path: Path, file: Path) -> None:
    fixed = OnnxTeacher(write_heatmaps(tmp_path / 'net.onnx', batch=4), input=PIXELS, outputs=GRID)
    assert fixed.session.batch == 4 and '4 at a time' in fixed.details()[0]
    torch.testing.assert_close(maps(fixed, images(count)), maps(OnnxTeacher(file, input=PIXELS, outputs=GRID),
                                                                images(count)))


def test_an_open_batch_that_is_a_constant_in_truth(tmp_path: Path) -> None:
    network = Shows(lambda values: torch.cat([values, torch.zeros(2, 1, 4, 3)], dim=1)[:, :17])
    one = OnnxTeacher(export(network, tmp_path / 'net.onnx', outputs=['maps']), input=PIXELS, outputs=GRID)
    assert one.session.batch == 2
    with torch.no_grad():
        wanted = torch.cat([network(images()[:2]), network(images()[1:])[1:]])
    torch.testing.assert_close(maps(one, images()), wanted, rtol=1e-4, atol=1e-5)


def test_a_graph_of_one_image_without_the_batchs_axis(tmp_path: Path) -> None:
    network = Shows(lambda values: values[0])
    one = OnnxTeacher(export(network, tmp_path / 'net.onnx', outputs=['maps'], batch=1), input=PIXELS, outputs=GRID)
    assert maps(one, images()).shape == (3, 17, 4, 3)


def test_images_with_channels_last(tmp_path: Path, file: Path) -> None:
    one = OnnxTeacher(write_heatmaps(tmp_path / 'net.onnx', nhwc=True), input=PIXELS, outputs=GRID)
    assert one.layout == 'nhwc' and one.input.size == (48, 64)
    torch.testing.assert_close(maps(one, images()), maps(OnnxTeacher(file, input=PIXELS, outputs=GRID), images()))


def test_a_float16_file(tmp_path: Path) -> None:
    frozen = teacher()
    plain = export_teacher(frozen, tmp_path / 'plain.onnx', batch=4)
    half = to_float16(plain, tmp_path / 'half.onnx')
    one, other = (OnnxTeacher(path, input=PIXELS, outputs=GRID) for path in (half, plain))
    assert one.dtype == torch.float16 and 'float16' in one.details()[0]
    found, wanted = maps(one, batch()[0]), maps(other, batch()[0])
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, wanted, rtol=2e-2, atol=2e-2)


def to_float16(source: Path, target: Path) -> Path:
    """The same graph with all tensors of float32 in float16."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(source)

    def half(tensor: Any) -> None:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))

    for tensor in model.graph.initializer:
        half(tensor)
    for node in model.graph.node:
        for attribute in node.attribute:
            half(attribute.t)
            if node.op_type == 'Cast' and attribute.name == 'to' and attribute.i == onnx.TensorProto.FLOAT:
                attribute.i = onnx.TensorProto.FLOAT16
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT16
    del model.graph.value_info[:]
    onnx.save(model, target)
    return target


@pytest.mark.parametrize('dtype', [torch.uint8, torch.int32])
def test_a_file_that_takes_whole_pixels(dtype: torch.dtype, tmp_path: Path) -> None:
    network = Shows(lambda values: values / 255)
    whole = export(network, tmp_path / 'net.onnx', outputs=['maps'], dtype=dtype)
    one = OnnxTeacher(whole, input=dict(PIXELS, mean=0, std=1), outputs=GRID)
    pixels = torch.tensor([0.4, 99.6, 300.0]).view(3, 1, 1, 1).expand(3, 3, 64, 48)
    with torch.no_grad():
        wanted = network(torch.tensor([0.0, 100.0, 255.0]).view(3, 1, 1, 1).expand(3, 3, 64, 48))
    torch.testing.assert_close(maps(one, pixels), wanted, rtol=1e-4, atol=1e-5)


def test_a_student_of_other_means_channels_and_size_shows_it_the_same_image(tmp_path: Path) -> None:
    frozen = teacher()
    read = OnnxTeacher(export_teacher(frozen, tmp_path / 'net.onnx', batch=1), outputs=GRID, input=dict(
        mean=[103.53, 116.28, 123.675], std=[57.375, 57.12, 58.395], channel_order='bgr'))
    model = PoseDistiller(copy.deepcopy(STUDENT), read, terms=copy.deepcopy(TERMS))
    torch.testing.assert_close(model.to_teacher(batch()[0]), batch()[0].flip(1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('told, message', [
    (dict(input={}), r'lacks facts .*input\.mean .*input\.std .*input\.channel_order=.*outputs\.grid='),
    (dict(input=dict(PIXELS, size=(192, 256))), r'of 48x64 .* model\.teacher\.input\.size is 192x256; drop it'),
    (dict(input=dict(PIXELS, layout='nhwc')), 'expected nhwc images of 3 channels'),
    (dict(input=dict(PIXELS, channel_order='rbg')), "channel_order is 'rbg'; expected one of 'rgb', 'bgr'"),
    (dict(input=dict(PIXELS, std=0)), r'std is 0; expected numbers above 0'),
    (dict(input=dict(PIXELS, mean=(1, 2))), r'mean is \(1, 2\); expected one number or three'),
    (dict(input=dict(PIXELS, sice=1)), "key 'sice'; did you mean 'size'"),
    (dict(outputs=dict(grid='half')), r"outputs\.grid is 'half'; expected one of 'i/n', 'centers', 'udp'"),
    (dict(outputs=dict(columns=('x',))), r"columns is \('x',\); expected 'x' and 'y' once each"),
    (dict(outputs=dict(GRID, beta=-1)), 'beta is -1; expected a number above 0'),
    (dict(keypoints=['nose']), r'the outputs heatmaps \(B, 17, 16, 12\) cannot be read.*K = 1'),
    (dict(heatmaps=dict(size=(1, 1))), 'which only SimCC can'),
    (dict(input=dict(PIXELS, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))),
     r'of pixels of 0 to 1; expected .* mean = \(123\.675, 116\.28, 103\.53\) and std = \(58\.395, 57\.12, 57\.375\)'),
    (dict(input=dict(PIXELS, mean=0, std=0.5)), 'std = .* of pixels of 0 to 1; expected those of pixels of 0 to 255'),
    (dict(input=dict(PIXELS, mean=float('nan'))), 'mean is nan; expected one number or three'),
    (dict(input=dict(PIXELS, std=True)), 'std is True; expected one number or three'),
    (dict(input=dict(PIXELS, udp='no')), "udp is 'no'; expected True or False"),
    (dict(input='rgb'), r"model\.teacher\.input is 'rgb'; expected dict\(\.\.\.\) with some of size"),
    (dict(outputs=5), r'model\.teacher\.outputs is 5; expected dict\(\.\.\.\) with some of kind'),
    (dict(outputs=dict(GRID, names=5)), 'names is 5; expected names of outputs'),
    (dict(outputs=dict(GRID, names=())), r'names is \(\); expected names of outputs'),
    (dict(outputs=dict(GRID, names=('heatmaps', 'heatmaps'))), 'expected names of outputs of the file, each once'),
    (dict(outputs=dict(GRID, columns=5)), "columns is 5; expected some of 'x', 'y'"),
    (dict(threads=0), 'threads is 0; expected a whole number above 0'),
    (dict(preset=5), 'a preset of a teacher is named 5'),
])
def test_wrong_descriptions(told: dict[str, Any], message: str, file: Path) -> None:
    with pytest.raises(DistilPoseError, match=message):
        OnnxTeacher(file, **dict(dict(input=PIXELS, outputs=GRID if 'input' not in told or told['input'] else {}),
                                 **told))


@pytest.mark.parametrize('spec, message', [
    (dict(crp='own'), r"model\.teacher has a key 'crp', .*did you mean 'crop'\?"),
    (dict(type='OnnxEstimator'), "type is 'OnnxEstimator', which is no registered teacher; expected 'OnnxTeacher'"),
    (dict(type='OnnxTeachr'), "type is 'OnnxTeachr', which is no registered teacher"),
    (dict(file=None), r'a OnnxTeacher without file; add model\.teacher\.file'),
])
def test_options_that_no_teacher_takes(spec: dict[str, Any], message: str, file: Path) -> None:
    full = dict(dict(type='OnnxTeacher', file=str(file), input=PIXELS, outputs=GRID), **spec)
    if full['file'] is None:
        del full['file']
    for read in (build_teacher, teacher_input):
        with pytest.raises(DistilPoseError, match=message):
            read(full)


def test_whole_pixels_are_not_normalised(tmp_path: Path) -> None:
    whole = export(Shows(lambda values: values / 255), tmp_path / 'net.onnx', outputs=['maps'], dtype=torch.uint8)
    with pytest.raises(DistilPoseError, match=r'net\.onnx takes whole numbers \(uint8\), .*set mean=0 and std=1'):
        OnnxTeacher(whole, input=PIXELS, outputs=GRID)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match='is a folder, and an ONNX file was expected'):
        OnnxTeacher(tmp_path, input=PIXELS, outputs=GRID)


@pytest.mark.filterwarnings('ignore::DeprecationWarning')  # of torch's exporter
def test_an_open_size_is_asked_for(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Conv2d(3, 17, 4, stride=4))
    path = tmp_path / 'net.onnx'
    torch.onnx.export(network, (torch.zeros(1, 3, 64, 48),), str(path), dynamo=False, input_names=['images'],
                      dynamic_axes=dict(images={0: 'b', 2: 'h', 3: 'w'}), opset_version=17)
    with pytest.raises(DistilPoseError, match=r'images of any size; .*model\.teacher\.input\.size=\(width, height\)'):
        OnnxTeacher(path, input=PIXELS, outputs=GRID)
    assert OnnxTeacher(path, input=dict(PIXELS, size=[48, 64]), outputs=GRID).heatmap_size == (12, 16)


@pytest.mark.parametrize('content', [b'', b'no graph at all, but words', b'\x08\x07', None])
def test_what_is_no_graph(content: bytes | None, tmp_path: Path, file: Path) -> None:
    path = tmp_path / 'net.onnx'
    path.write_bytes(file.read_bytes()[:5000] if content is None else content)
    with pytest.raises(DistilPoseError, match='net.onnx is no ONNX graph'):
        OnnxTeacher(path, input=PIXELS, outputs=GRID)
    with pytest.raises(DistilPoseError, match=r'there is no ONNX file .*absent.onnx'):
        OnnxTeacher(tmp_path / 'absent.onnx', input=PIXELS, outputs=GRID)


def test_operators_of_another_time(tmp_path: Path, file: Path) -> None:
    import onnx

    model = onnx.load(file)
    model.opset_import[0].version = 99
    onnx.save(model, tmp_path / 'net.onnx')
    with pytest.raises(DistilPoseError, match='net.onnx cannot be opened by onnxruntime .*update onnxruntime'):
        OnnxTeacher(tmp_path / 'net.onnx', input=PIXELS, outputs=GRID)


def external(source: Path, target: Path) -> Path:
    """The same graph with its tensors in ``weights.bin`` beside it."""
    import onnx

    onnx.save_model(onnx.load(source), target, save_as_external_data=True, location='weights.bin', size_threshold=0)
    return target


def test_external_data_counts_for_the_digest(tmp_path: Path, file: Path) -> None:
    one = OnnxTeacher(external(file, tmp_path / 'net.onnx'), input=PIXELS, outputs=GRID)
    torch.testing.assert_close(maps(one, images()), maps(OnnxTeacher(file, input=PIXELS, outputs=GRID), images()))
    assert one.session.graph.external == (tmp_path / 'weights.bin',)
    weights = bytearray((tmp_path / 'weights.bin').read_bytes())
    weights[0] ^= 1
    (tmp_path / 'weights.bin').write_bytes(weights)
    assert one.digest() != one.loaded_digest


@pytest.mark.parametrize('place', ['../weights.bin', 'link.bin', 'absolute'])
def test_external_data_elsewhere_is_not_read(place: str, tmp_path: Path, file: Path) -> None:
    import onnx

    folder = tmp_path / 'own'
    folder.mkdir()
    external(file, folder / 'net.onnx')
    shutil.move(folder / 'weights.bin', tmp_path / 'weights.bin')
    (folder / 'link.bin').symlink_to(tmp_path / 'weights.bin')
    model = onnx.load(folder / 'net.onnx', load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == 'location':
                entry.value = str(tmp_path / 'weights.bin') if place == 'absolute' else place
    (folder / 'net.onnx').write_bytes(model.SerializeToString())
    with pytest.raises(DistilPoseError, match='which is not in its folder'):
        OnnxTeacher(folder / 'net.onnx', input=PIXELS, outputs=GRID)


@pytest.mark.filterwarnings('ignore::DeprecationWarning')  # of torch's exporter
def test_two_inputs(tmp_path: Path) -> None:
    class Two(nn.Module):
        def forward(self, one: Tensor, other: Tensor) -> Tensor:
            return one + other

    path = tmp_path / 'net.onnx'
    torch.onnx.export(Two(), (images(), images()), str(path), dynamo=False, input_names=['images', 'more'])
    with pytest.raises(DistilPoseError, match=r'has 2 inputs \(images, more\); expected one'):
        OnnxTeacher(path, input=PIXELS, outputs=GRID)


def test_onnxruntime_is_missing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(DistilPoseError, match='pip install onnxruntime, or onnxruntime-gpu'):
        OnnxTeacher(file, input=PIXELS, outputs=GRID)


def test_a_gpu_without_the_provider_for_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    monkeypatch.setattr(onnxruntime, 'get_available_providers', lambda: ['CPUExecutionProvider'])
    said: list[str] = []
    monkeypatch.setattr('distilpose.distillation.teachers.onnx.session.print_log', lambda text, *_: said.append(text))
    session = OnnxSession(file)
    assert session._where(torch.device('cuda', 0)) == session._where(torch.device('cuda', 0)) == torch.device('cpu')
    assert len(said) == 1 and 'runs on the CPU' in said[0] and 'pip install onnxruntime-gpu' in said[0]


def test_on_the_device_of_the_images(file: Path, device: torch.device) -> None:
    one = OnnxTeacher(file, input=PIXELS, outputs=GRID)
    found = maps(one, images().to(device))
    assert found.device.type == device.type
    torch.testing.assert_close(found.cpu(), maps(one, images()), rtol=1e-3, atol=1e-4)


def test_the_teachers_that_are_published(shared: Path) -> None:
    path = shared / 'teachers' / 'movenet_lightning.onnx'
    if not path.is_file():
        pytest.skip(f'{path} is not on this machine')
    one = OnnxTeacher(path, input=PIXELS, outputs=GRID)
    assert one.input.size == (192, 192) and one.session.batch is None
    assert one.reading.keypoints == 17 and one.heatmap_size == (48, 48)
