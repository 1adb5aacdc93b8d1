"""Checks of the model of a config: sizes, targets, modules of a distillation, schedules, flip test."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from mmengine.config import Config

from distilpose.config import PROJECT_ROOT, check_input_sizes, check_networks, check_schedules, read_config
from distilpose.config.model_checks import check_flip_test, check_targets
from distilpose.errors import DistilPoseError

HEATMAP = dict(type='MSRAHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2)


def loader(*steps: dict[str, Any]) -> dict[str, Any]:
    return dict(dataset=dict(type='CocoDataset', pipeline=list(steps)))


def affine(size: tuple[int, int] = (192, 256)) -> dict[str, Any]:
    return dict(type='TopdownAffine', input_size=size)


def sizes_config(*, head: dict[str, Any] | None = None, encoder: Any = None, train: tuple[int, int] = (192, 256),
                 val: tuple[int, int] = (192, 256)) -> Config:
    target = dict(type='GenerateTarget', encoder=HEATMAP if encoder is None else encoder)
    head = dict(decoder=HEATMAP) if head is None else head
    return Config(copy.deepcopy(dict(
        model=dict(type='TopdownPoseEstimator', head=head), train_dataloader=loader(affine(train), target),
        val_dataloader=loader(affine(val)), test_dataloader=loader(affine(val)))))


def test_equal_sizes_pass() -> None:
    check_input_sizes(sizes_config())


def test_lists_equal_tuples() -> None:
    check_input_sizes(sizes_config(val=[192, 256]))  # type: ignore[arg-type]


def test_codecs_of_different_types_need_not_share_a_grid() -> None:
    check_input_sizes(sizes_config(encoder=dict(type='RegressionLabel', input_size=(192, 256))))
    check_input_sizes(sizes_config(encoder=dict(HEATMAP, type='UDPHeatmap', heatmap_size=(96, 128))))


@pytest.mark.parametrize(('changes', 'words'), [
    (dict(train=(288, 384)), r'model.head.decoder.input_size is 192x256 .* train_.*\[0\].input_size is 288x384'),
    (dict(val=(256, 192)), r'val_dataloader.dataset.pipeline\[0\].input_size is 256x192'),
    (dict(encoder=dict(HEATMAP, input_size=(256, 256))), r'pipeline\[1\].encoder.input_size is 256x256'),
    (dict(encoder=dict(HEATMAP, heatmap_size=(96, 128))), r'decoder.heatmap_size is 48x64 .*encoder.* is 96x128'),
    (dict(encoder=[HEATMAP, dict(HEATMAP, input_size=(1, 2))]), r'encoder\[1\].input_size is 1x2'),
    (dict(head=dict(decoder=HEATMAP, input_size=(384, 288))), 'model.head.input_size is 384x288'),
])
def test_different_sizes_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(DistilPoseError, match=words):
        check_input_sizes(sizes_config(**changes))


def test_simcc_codecs_must_split_pixels_alike() -> None:
    codec = dict(type='SimCCLabel', input_size=(192, 256), simcc_split_ratio=2.0)
    with pytest.raises(DistilPoseError, match='simcc_split_ratio is 2.0 and .* is 3.0'):
        check_input_sizes(sizes_config(head=dict(decoder=codec), encoder=dict(codec, simcc_split_ratio=3.0)))


def test_the_student_of_a_distiller_is_checked() -> None:
    cfg = sizes_config()
    cfg.model = dict(type='PoseDistiller', student=dict(head=dict(decoder=dict(HEATMAP, input_size=(8, 8)))))
    with pytest.raises(DistilPoseError, match='model.student.head.decoder.input_size is 8x8'):
        check_input_sizes(cfg)


def test_configs_without_a_head_or_decoder_pass() -> None:
    check_input_sizes(Config(dict(model=dict(type='Any'))))
    check_input_sizes(sizes_config(head=dict(decoder=None)))


@pytest.mark.parametrize('file', sorted(
    str(file.relative_to(PROJECT_ROOT)) for file in (PROJECT_ROOT / 'configs/body').rglob('*.py')))
def test_the_projects_configs_agree_with_themselves(file: str) -> None:
    check_input_sizes(read_config(file))


def test_a_term_that_waits_for_epochs_is_refused_where_there_are_none() -> None:
    """Its weight would never change."""
    terms = dict(one=dict(type='SimCCTerm', by_epoch=True), other=None,
                 logit=dict(type='SimCCTerm', by_epoch=True, schedule='linear_decay'))
    model = dict(type='PoseDistiller', terms=terms)
    for loop in (dict(by_epoch=False, max_iters=100), dict(type='IterBasedTrainLoop', max_iters=100)):
        with pytest.raises(DistilPoseError, match='model.terms.logit changes its weight from epoch to epoch'):
            check_schedules(Config(dict(model=model, train_cfg=loop)))
        for teacher, entry in ((dict(by_epoch=True, schedule=dict(type='window', end=0.5)), 'model.teachers.one'),
                               (dict(terms=terms), 'model.teachers.one.terms.logit')):
            several = dict(type='PoseDistiller', teachers=dict(one=teacher, other=None))
            with pytest.raises(DistilPoseError, match=f'{entry} changes its weight .* set {entry}.by_epoch=False'):
                check_schedules(Config(dict(model=several, train_cfg=loop)))
    check_schedules(Config(dict(model=model, train_cfg=dict(by_epoch=True, max_epochs=3))))
    terms['logit']['by_epoch'] = False
    check_schedules(Config(dict(model=model, train_cfg=dict(by_epoch=False, max_iters=100))))


@pytest.mark.parametrize('is_distillation', [False, True])
def test_the_option_of_the_flip_test_is_read_before_the_run(is_distillation: bool) -> None:
    def config(**test_cfg: Any) -> Config:
        student = dict(type='TopdownPoseEstimator', test_cfg=test_cfg)
        return Config(dict(model=dict(type='PoseDistiller', student=student) if is_distillation else student))

    for test_cfg in (dict(), dict(flip_test=True), *(dict(flip_in_one_batch=value) for value in (True, False, 'auto'))):
        check_flip_test(config(**test_cfg))
    with pytest.raises(DistilPoseError, match=r"test_cfg.flip_in_one_batch is 'on'; expected True, False or 'auto'"):
        check_flip_test(config(flip_in_one_batch='on'))
    check_flip_test(Config())


@pytest.mark.parametrize(('changes', 'words'), [
    (dict(teacher=None), r'model\.teacher of a PoseDistiller is None; expected dict\(config=\.\.\., checkpoint='),
    (dict(teacher='movenet.onnx'), r"model\.teacher of a PoseDistiller is 'movenet\.onnx'; .*type='OnnxTeacher'"),
    (dict(student='student.py'), r"model\.student of a PoseDistiller is 'student\.py'"),
    (dict(terms=['heatmaps']), r"model\.terms of a PoseDistiller is \['heatmaps'\]; expected a dictionary")])
def test_parts_of_a_distillation_of_another_form(changes: dict[str, Any], words: str) -> None:
    whole = dict(type='PoseDistiller', student=dict(config='student.py'), teacher=dict(config='teacher.py'), terms={})
    check_networks(Config(dict(model=whole)))
    with pytest.raises(DistilPoseError, match=words):
        check_networks(Config(dict(model={**whole, **changes})))
    name = next(iter(changes))
    with pytest.raises(DistilPoseError, match=rf'model\.{name} of a PoseDistiller is missing'):
        check_networks(Config(dict(model={key: value for key, value in whole.items() if key != name})))


SIMCC = dict(type='SimCCLabel', input_size=(192, 256))
REGRESSION = dict(type='RegressionLabel', input_size=(192, 256))


@pytest.mark.parametrize(('teachers', 'words'), [
    ([dict()], r'model\.teachers of a PoseDistiller is \[\{\}\]; expected a dictionary of teachers by name'),
    (dict(hands='hands.onnx'), r"model\.teachers\.hands of a PoseDistiller is 'hands\.onnx'; .*type='OnnxTeacher'"),
    (dict(hands=dict(terms=['tokens'])), r'model\.teachers\.hands\.terms of a PoseDistiller is')])
def test_several_teachers_of_another_form(teachers: Any, words: str) -> None:
    whole = dict(type='PoseDistiller', student=dict(config='student.py'), teachers=dict(hands=dict(), other=None))
    check_networks(Config(dict(model=whole)))
    with pytest.raises(DistilPoseError, match=words):
        check_networks(Config(dict(model={**whole, 'teachers': teachers})))


@pytest.mark.parametrize(('steps', 'words'), [
    ([dict(type='GenerateTarget', encoder=REGRESSION)], r'\(RegressionLabel\) makes no heatmaps, on which a head with'),
    ([dict(type='GenerateTarget', encoder=[REGRESSION, SIMCC])], r'\(RegressionLabel, SimCCLabel\) makes no heatmaps'),
    ([dict(type='GenerateTarget')], r'pipeline\[1\] has no encoder, the codec that makes targets'),
    ([], 'pipeline makes no targets, and model.head is trained on heatmaps and keypoint_weights'),
])
def test_targets_that_a_head_is_not_trained_on_are_refused(steps: list[dict[str, Any]], words: str) -> None:
    cfg = sizes_config()
    cfg.train_dataloader.dataset.pipeline = [affine(), *copy.deepcopy(steps)]
    with pytest.raises(DistilPoseError, match=words):
        check_targets(cfg)


def test_targets_of_several_codecs_pass() -> None:
    check_targets(sizes_config(encoder=[REGRESSION, HEATMAP]))
    check_targets(sizes_config(head={}))


def test_heatmaps_of_udp_are_of_one_type() -> None:
    udp = dict(HEATMAP, type='UDPHeatmap')
    with pytest.raises(DistilPoseError, match='heatmap_type is gaussian and .*heatmap_type is combined'):
        check_input_sizes(sizes_config(head=dict(decoder=dict(udp, heatmap_type='gaussian')),
                                       encoder=dict(udp, heatmap_type='combined')))
