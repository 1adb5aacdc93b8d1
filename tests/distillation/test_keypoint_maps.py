"""Distillation from a teacher with other keypoints: what terms are given, the log, the cache, resuming."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from distilpose.checkpoints import load_file
from distilpose.distillation import PoseDistiller, Teacher
from distilpose.distillation.teachers.keypoint_names import read_definition
from distilpose.distillation.terms import draw_simulated_heatmaps
from distilpose.engine import train
from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs
from tests import rtmpose
from tests.engine import tiny
from tests.networks import HEATMAP_SIZE, STUDENT, TEACHER, TERMS, batch, changed, distiller, teacher
from tests.onnx_files import export_teacher

COCO, MPII = (dict(from_file=f'configs/_base_/datasets/{name}.py') for name in ('coco', 'mpii'))
TABLE = dict(left_hip='left_hip', right_hip='right_hip', nose=('left_shoulder', 'right_shoulder'))
MPII_TEACHER = dict(changed(TEACHER, num_keypoints=16), metainfo=MPII)
COCO_STUDENT = dict(STUDENT, metainfo=COCO)
MAPPED = {name: term for name, term in TERMS.items() if name != 'keypoint_tokens'}


def build(keypoints: Any, *, teacher_config: dict = MPII_TEACHER, **options: Any) -> PoseDistiller:
    names = None
    if 'metainfo' in teacher_config:
        from distilpose.config import read_model_source
        names = read_model_source(teacher_config).keypoint_names
    made = teacher(teacher_config, keypoint_names=names)
    return distiller(options.pop('student', COCO_STUDENT), teacher=dict(type=lambda: made, keypoints=keypoints),
                     terms=options.pop('terms', MAPPED), **options)


class Permuted(Teacher):
    """Another teacher with its keypoints in another order."""

    name = 'permuted'

    def __init__(self, other: Any, order: Tensor) -> None:
        self.other, self.order, self.input = other, order, other.input
        self.loaded_digest = ''

    def describe(self) -> str:
        return 'permuted'

    def digest(self) -> str:
        return ''

    def outputs(self, images: Tensor) -> PoseOutputs:
        shown = self.other.outputs(images)
        return PoseOutputs(heatmaps=tuple(maps[:, self.order] for maps in shown.heatmaps),
                           keypoint_tokens=shown.keypoint_tokens[:, self.order], visual_tokens=shown.visual_tokens)


def test_losses_do_not_depend_on_the_order_of_the_teacher() -> None:
    order = torch.randperm(17, generator=torch.Generator().manual_seed(1))
    plain, other = teacher(), Permuted(teacher(), order)
    table = {int(place): index for index, place in enumerate(order)}
    expected = distiller(teacher=plain)(*batch(), mode='loss')
    found = distiller(teacher=dict(type=lambda: other, keypoints=table))(*batch(), mode='loss')
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, msg=name)


def test_joints_without_a_partner_have_no_gradient() -> None:
    model = build(TABLE, terms=dict(simulated_heatmap=TERMS['simulated_heatmap']), task_weight=0.0)
    inputs, samples = batch()
    coords = []
    forward = model.student.head.forward

    def spy(features: Any) -> PoseOutputs:
        outputs = forward(features)
        outputs.coords.retain_grad()
        coords.append(outputs.coords)
        return outputs
    model.student.head.forward = spy
    model(inputs, samples, mode='loss')['loss_simulated_heatmap'].backward()
    moved = coords[-1].grad.abs().sum((0, 2)).nonzero().flatten().tolist()
    assert moved == [0, 11, 12]


class Pointing(Teacher):
    """Shows gaussians at places that do not depend on the image."""

    name = 'pointing'

    def __init__(self, places: Tensor, names: tuple[str, ...]) -> None:
        self.places, self.keypoint_names, self.input, self.loaded_digest = places, names, teacher().input, ''

    def describe(self) -> str:
        return 'pointing'

    def digest(self) -> str:
        return ''

    def outputs(self, images: Tensor) -> PoseOutputs:
        maps = draw_simulated_heatmaps(self.places[None], torch.full_like(self.places[None], 2.0), size=HEATMAP_SIZE)
        return PoseOutputs(heatmaps=(maps.expand(len(images), -1, -1, -1),))


@pytest.mark.parametrize('keypoints', ['auto', 'mpii', TABLE], ids=['auto', 'definition', 'table'])
def test_a_student_learns_where_other_keypoints_are(keypoints: Any) -> None:
    names = read_definition('mpii', entry='').names
    places = 0.35 + 0.3 * torch.rand(16, 2, generator=torch.Generator().manual_seed(5))
    made = Pointing(places, names)
    model = distiller(COCO_STUDENT, teacher=dict(type=lambda: made, keypoints=keypoints), task_weight=0.0,
                      terms=dict(simulated_heatmap=dict(type='SimulatedHeatmapTerm', sigma=2.0))).train()
    inputs, samples = batch()
    for sample in samples:
        sample.set_metainfo(dict(labelled=False))
    optimizer = torch.optim.Adam([weight for weight in model.parameters() if weight.requires_grad], lr=1e-2)
    losses = []
    for _ in range(60):
        loss = model(inputs, samples, mode='loss')['loss_simulated_heatmap']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0], losses
    expected = model.keypoint_map(PoseOutputs(coords=places[None]))
    taught = expected.mask[0].bool()
    found = model(inputs, mode='tensor').coords.mean(0)
    assert taught.sum() == (3 if keypoints is TABLE else 12)
    assert (found - expected.coords[0])[taught].norm(dim=-1).mean() < 0.05


def test_the_map_is_no_part_of_the_checkpoint() -> None:
    assert build('auto').state_dict().keys() == distiller(COCO_STUDENT).state_dict().keys()


def test_differing_names_are_refused_with_the_way_out() -> None:
    with pytest.raises(DistilPoseError, match="16; both must be .* model.teacher.keypoints='auto' matches them"):
        build(None)


def test_a_map_for_other_keypoints_than_the_teacher_has() -> None:
    with pytest.raises(DistilPoseError, match='is for a teacher of 17 keypoints, and this one predicts 16'):
        build('coco')


def test_tokens_of_joints_that_are_not_one_for_one() -> None:
    with pytest.raises(DistilPoseError, match="term 'keypoint_tokens' compares keypoint_tokens one for one, and "
                                              r'model\.teacher\.keypoints gives nose, left_eye, '):
        build('auto', terms=TERMS)
    ordered = {index: index for index in range(17)}
    assert build(ordered, teacher_config=TEACHER, terms=TERMS)(*batch(), mode='loss')['loss_keypoint_tokens'] > 0


def test_a_student_without_names() -> None:
    with pytest.raises(DistilPoseError, match='the student does not name its keypoints; set model.student.metainfo'):
        build('auto', student=STUDENT)
    found = build({11: 3, 12: 2}, student=STUDENT)  # its number of keypoints is read from its outputs
    assert len(found.keypoint_map.partners) == 17


def five_of(keypoints: int) -> Any:
    """A student of five keypoints and a SimCC teacher of ``keypoints``, one of which is the mean of two."""
    return teacher(rtmpose.network(widen=0.1875, keypoints=keypoints)), {0: 0, 1: 1, 2: (5, 6), 3: 11, 4: 12}


def test_a_file_of_133_keypoints_teaches_as_the_network_that_it_was_exported_from(tmp_path: Path) -> None:
    frozen, table = five_of(133)
    file = export_teacher(frozen, tmp_path / 'teacher.onnx', fields=('simcc',), outputs=('simcc_x', 'simcc_y'))
    read = dict(type='OnnxTeacher', file=str(file), outputs=dict(beta=10.0),
                input=dict(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375), channel_order='rgb'))
    losses = []
    for made in (dict(type=lambda: frozen), read):
        torch.manual_seed(1)
        model = PoseDistiller(rtmpose.network(), dict(made, keypoints=table), terms=dict(logit=rtmpose.LOGIT))
        losses.append(model.eval().loss(*rtmpose.batch())['loss_logit'])
        assert model.keypoint_map.simcc_beta == 10 and model.run_teacher(rtmpose.batch()[0]).simcc[0].shape[1] == 5
    assert losses[0] > 0
    torch.testing.assert_close(*losses, rtol=1e-4, atol=0)


def test_a_file_is_given_the_definition_of_its_keypoints(tmp_path: Path) -> None:
    frozen, _ = five_of(17)
    file = export_teacher(frozen, tmp_path / 'teacher.onnx', fields=('simcc',), outputs=('simcc_x', 'simcc_y'))
    read = dict(type='OnnxTeacher', file=str(file), outputs=dict(beta=10.0), keypoints='coco',
                input=dict(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375), channel_order='rgb'))
    student = dict(rtmpose.network(keypoints=16), metainfo=MPII)
    model = PoseDistiller(student, read, terms=dict(logit=rtmpose.LOGIT))
    assert model.run_teacher(rtmpose.batch()[0]).mask.sum(1).tolist() == [12, 12, 12]
    with pytest.raises(DistilPoseError, match='is for a teacher of 133 keypoints, and this one predicts 17'):
        PoseDistiller(student, dict(read, keypoints='wholebody'), terms=dict(logit=rtmpose.LOGIT))


@pytest.fixture(scope='module')
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_data(tmp_path_factory.mktemp('tiny') / 'data')


@pytest.fixture
def make_config(tiny_data: Path, tmp_path: Path) -> Any:
    """Writes a distillation from an MPII teacher on tiny data with COCO's keypoints."""
    torch.save(dict(state_dict=teacher(MPII_TEACHER).model.state_dict()), tmp_path / 'teacher.pth')

    def write(keypoints: Any, *, student: dict = COCO_STUDENT) -> Path:
        source = dict(config=MPII_TEACHER, checkpoint=str(tmp_path / 'teacher.pth'), keypoints=keypoints)
        model = dict(type='PoseDistiller', student=student, teacher=source, terms=MAPPED)
        return tiny.write_config(tmp_path / 'distillation.py', tiny_data, extra=f'model = {model!r}\n')
    return write


def run(config: Path, work_dir: Path, *, cache: Path | None = None, **options: Any) -> Any:
    chosen = {} if cache is None else {'default_hooks.teacher_cache.folder': str(cache),
                                       'default_hooks.teacher_cache.variants': 1,
                                       'default_hooks.teacher_cache.dtype': 'float32'}
    return train(config, work_dir=work_dir, validate=False, options=chosen, **options)


def log_of(runner: Any) -> str:
    return Path(runner.logger.log_file).read_text()


def test_the_log_the_cache_and_resuming(make_config: Any, tmp_path: Path) -> None:
    config = make_config('auto')
    runner = run(config, tmp_path / 'run', cache=tmp_path / 'cache')
    assert 'The teacher supervises 12 of 17 keypoints; by the same name: left_shoulder, ' in log_of(runner)
    assert 'not supervised: nose, left_eye, right_eye, left_ear, right_ear.' in log_of(runner)
    again = run(config, tmp_path / 'again', cache=tmp_path / 'cache')
    assert 'The teacher was run on 0 of 24 crops' in log_of(again)
    first, second = (load_file(tmp_path / name / 'epoch_2.pth')['state_dict'] for name in ('run', 'again'))
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    other = make_config(TABLE)
    with pytest.raises(DistilPoseError, match="was made with a different teacher's keypoints"):
        run(other, tmp_path / 'other', cache=tmp_path / 'cache')
    with pytest.raises(DistilPoseError, match='cannot be resumed from with another model: .*teacher'):
        run(other, tmp_path / 'run2', resume=str(tmp_path / 'run' / 'epoch_1.pth'))


def test_data_with_other_keypoints_than_the_student(make_config: Any, tmp_path: Path) -> None:
    shuffled = dict(dataset_name='other', keypoint_info={
        index: dict(name=f'joint_{index}' if index else 'left_hip', id=index, color=[0, 0, 0], type='', swap='')
        for index in range(17)}, skeleton_info={}, joint_weights=[1.0] * 17, sigmas=[0.05] * 17)
    config = make_config(dict(left_hip='left_hip'), student=dict(STUDENT, metainfo=shuffled))
    with pytest.raises(DistilPoseError, match="keypoint 0 is 'nose' in train_.* and 'left_hip' in model.student.meta"):
        run(config, tmp_path / 'run')
    assert not list(tmp_path.glob('run/*.pth'))
