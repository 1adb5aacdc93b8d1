"""DWPose's training checkpoints become plain ones, of the right stage or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.logging import HistoryBuffer
from torch import Tensor

from distilpose.checkpoints import BadCheckpoint, CheckpointMismatch, load_file, read_weights
from distilpose.config import build_estimator, load_config
from distilpose.errors import DistilPoseError
from distilpose.export.transfer import transfer
from tests import rtmpose

State = dict[str, Tensor]
SMALL, LARGE = rtmpose.network(), rtmpose.network(widen=0.1875)


def weights(network: dict, *, seed: int) -> State:
    torch.manual_seed(seed)
    return build_estimator(network).state_dict()


def below(prefix: str, state: State) -> State:
    return {f'{prefix}.{name}': value for name, value in state.items()}


def stage_1() -> State:
    """A student of a larger teacher, with the projector, as the published code names them."""
    return (below('teacher', weights(LARGE, seed=0)) | below('student', weights(SMALL, seed=1))
            | {'distill_losses.loss_fea.align.weight': torch.ones(192, 128, 1, 1),
               'distill_losses.loss_fea.align.bias': torch.ones(192)})


def stage_2() -> State:
    return below('teacher', weights(SMALL, seed=2)) | below('student', weights(SMALL, seed=3))


def with_ema(state: State, *, learning: tuple[str, ...]) -> dict:
    """As mmengine's EMA hook leaves it: averages as ``state_dict``, the rest below it and named after a wrapper."""
    last = {f'module.{name}': value + 0.1 if name.startswith(learning) and value.is_floating_point() else value
            for name, value in state.items()}
    return dict(state_dict=state, ema_state_dict=dict(last, steps=torch.tensor(7)), meta=dict(epoch=270, cfg='x = 1'),
                message_hub=dict(log_scalars=dict(loss=HistoryBuffer([1.0, 0.5], [1, 1]))), optimizer=dict())


@pytest.fixture
def write(tmp_path: Path) -> Callable[[object], Path]:
    def save(content: object) -> Path:
        torch.save(content, tmp_path / 'training.pth')
        return tmp_path / 'training.pth'
    return save


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / 'plain.py').write_text(f'model = {SMALL!r}\n')
    return tmp_path / 'plain.py'


def transferred(source: Path, **options: object) -> State:
    """Also checks that the file is a plain checkpoint and loads into the plain model."""
    destination = source.parent / 'new' / 'plain.pth'
    report = transfer(source, destination, **options)
    checkpoint = load_file(destination)
    assert checkpoint.keys() == {'meta', 'state_dict'} and report.weights == len(checkpoint['state_dict'])
    build_estimator(SMALL).load_state_dict(checkpoint['state_dict'], strict=True)
    return checkpoint['state_dict']


def assert_equal(found: State, expected: State) -> None:
    assert found.keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in found.items())


def test_the_first_stage_leaves_its_student(write: Callable, config: Path) -> None:
    for content in (stage_1(), with_ema(stage_1(), learning=('student.', 'distill_losses.'))):
        assert_equal(transferred(write(content), config=config), weights(SMALL, seed=1))


def test_the_second_stage_leaves_the_teachers_backbone_under_the_students_head(write: Callable, config: Path) -> None:
    teacher, student = weights(SMALL, seed=2), weights(SMALL, seed=3)
    expected = {name: (teacher if name.startswith('backbone.') else student)[name] for name in student}
    for content in (stage_2(), with_ema(stage_2(), learning=('student.head.',))):
        assert_equal(transferred(write(content), two_dis=True, config=config), expected)


def test_a_neck_goes_with_its_backbone(write: Callable, tmp_path: Path) -> None:
    state = {f'{model}.{part}.weight': torch.full((2,), value) for value, (model, part) in enumerate(
        (model, part) for model in ('teacher', 'student') for part in ('backbone', 'neck', 'head'))}
    transfer(write(state), tmp_path / 'out.pth', two_dis=True)
    found = load_file(tmp_path / 'out.pth')['state_dict']
    assert {name: value[0].item() for name, value in found.items()} == {
        'backbone.weight': 0, 'neck.weight': 1, 'head.weight': 5}


def assert_refused(source: Path, words: str, **options: object) -> None:
    with pytest.raises(DistilPoseError, match=words):
        transfer(source, source.parent / 'new' / 'plain.pth', **options)
    assert not (source.parent / 'new').exists()


def test_the_wrong_stage_is_refused_and_nothing_written(write: Callable) -> None:
    assert_refused(write(stage_1()), 'first stage.*Leave out --two_dis', two_dis=True)
    assert_refused(write(stage_2()), 'second stage.*Add --two_dis')


def test_a_first_stage_with_a_teacher_of_one_size_is_told_by_what_learned(write: Callable) -> None:
    source = write(with_ema(stage_2(), learning=('student.',)))
    assert_refused(source, 'first stage', two_dis=True)
    assert_equal(transferred(source), weights(SMALL, seed=3))


@pytest.mark.parametrize('two_dis', [False, True])
def test_what_the_weights_cannot_tell_the_flag_says(write: Callable, two_dis: bool) -> None:
    """One size, one set of weights, and a backbone that has seen batches: in the first stage, or before the second."""
    state = {name: value + 9 if name.startswith('student.') and name.endswith('num_batches_tracked') else value
             for name, value in stage_2().items()}
    source = write(state)
    backbone = 'teacher.' if two_dis else 'student.'
    found = transferred(source, two_dis=two_dis)
    assert all(torch.equal(value, state[(backbone if name.startswith('backbone.') else 'student.') + name])
               for name, value in found.items())
    report = transfer(source, source.parent / 'again.pth', two_dis=two_dis)
    assert report.recognised.endswith(f'do not show it: --two_dis was {"" if two_dis else "not "}given)')


def test_our_checkpoints_lose_the_weights_of_terms_only(write: Callable, config: Path) -> None:
    for model in (rtmpose.stage_1(), rtmpose.stage_2()):
        expected = {name: value for name, value in model.state_dict().items() if not name.startswith('distillation.')}
        assert_equal(transferred(write(dict(state_dict=model.state_dict())), config=config), expected)


def test_other_files_are_refused(write: Callable, config: Path) -> None:
    assert_refused(write({'conv1.weight': torch.ones(1)}), 'no checkpoint of a distillation.*called conv1.weight')
    assert_refused(write(below('student', {'backbone.weight': torch.ones(1)}) | {'teacher.x': torch.ones(1)}),
                   'no checkpoint of a distillation')
    assert_refused(write(below('student', weights(LARGE, seed=0)) | below('teacher', weights(SMALL, seed=0))),
                   'another shape', config=config)
    source = write(stage_1())
    with pytest.raises(DistilPoseError, match='the same file'):
        transfer(source, source)


def test_two_models_in_a_file_are_pointed_to_the_tool(write: Callable) -> None:
    with pytest.raises(BadCheckpoint, match=r'a student and its teacher.*tools/pth_transfer\.py .*training\.pth DST'):
        read_weights(write(stage_2()))


@pytest.mark.parametrize('size, count', [('t', 218), ('s', 254), ('m', 362), ('l', 470), ('x', 578)])
def test_published_names_of_rtmpose_load_as_they_are(size: str, count: int, tmp_path: Path) -> None:
    """Every size has the names and their number of the published files; mmpose 1.x wrote them, message hub included."""
    path = 'mmpose::wholebody_2d_keypoint/rtmpose/ubody/rtmpose-{}_8xb64-270e_coco-ubody-wholebody-256x192.py'
    with torch.device('meta'):
        model = build_estimator(load_config(path.format(size)).model)
    names = set(model.state_dict())
    assert len(names) == count
    assert {'head.final_layer.weight', 'head.mlp.0.g', 'head.gau.res_scale.scale', 'head.cls_y.weight'} <= names
    content = with_ema({name: torch.zeros(1) for name in names}, learning=())
    del content['ema_state_dict']
    torch.save(content, tmp_path / 'published.pth')
    weights = read_weights(tmp_path / 'published.pth')
    assert weights.state.keys() == names and weights.source is None


def test_a_stage_of_another_size_does_not_fit_the_config(write: Callable, tmp_path: Path) -> None:
    (tmp_path / 'large.py').write_text(f'model = {LARGE!r}\n')
    with pytest.raises(CheckpointMismatch, match='does not fit'):
        transfer(write(stage_1()), tmp_path / 'out.pth', config=tmp_path / 'large.py')
