"""Several teachers of one student: what terms read, schedules that switch teachers, pairs that do not fit."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from mmengine.logging import MessageHub

from distilpose.distillation import PoseDistiller
from distilpose.distillation.supervision import COMBINED
from distilpose.errors import DistilPoseError
from tests.networks import STUDENT, TEACHER, TERMS, batch, changed, distiller, teacher

SHARED = {name: TERMS[name] for name in ('simulated_heatmap', 'score')}
TOKENS = dict(tokens=TERMS['visual_tokens'])
SIMCC = dict(TEACHER, head=dict(
    type='SimCCHead', in_channels=8, out_channels=17, input_size=(48, 64), in_featuremap_size=(12, 16),
    simcc_split_ratio=2.0, deconv_out_channels=None,
    loss=dict(type='KLDiscretLoss', use_target_weight=True, beta=10.0),
    decoder=dict(type='SimCCLabel', input_size=(48, 64), sigma=3.0, simcc_split_ratio=2.0, normalize=False)))


def spec(seed: int = 0, config: dict | None = None, *, heatmaps: dict | None = None, **options: Any) -> dict:
    """An entry of ``model.teachers``."""
    names = options.pop('names', None)
    made = teacher(copy.deepcopy(config), seed=seed, heatmaps=heatmaps, keypoint_names=names)
    return dict(type=lambda: made, **options)


def several(rule: str | None = None, *, student: dict | None = None, terms: dict | None = None,
            task_weight: float = 1.0, **teachers: Any) -> PoseDistiller:
    return distiller(student, teacher=None, teachers=teachers, combine=rule, task_weight=task_weight,
                     terms=SHARED if terms is None else terms)


def losses_of(model: PoseDistiller) -> dict[str, float]:
    return {name: float(value.detach()) for name, value in model(*batch(), mode='loss').items() if 'loss' in name}


def at(iteration: int, monkeypatch: pytest.MonkeyPatch, *, unit: str = 'iter') -> None:
    """Lets the message hub report this point of a training of 100."""
    info = MessageHub.get_current_instance().runtime_info
    monkeypatch.setitem(info, unit, iteration)
    monkeypatch.setitem(info, f'max_{unit}s', 100)


def count_calls(model: PoseDistiller, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Forward passes of every teacher from now on."""
    calls = dict.fromkeys(model.teachers, 0)
    for name, paired in model.teachers.items():
        def outputs(*args: Any, name: str = name, run: Any = paired.teacher.outputs, **options: Any) -> Any:
            calls[name] += 1
            return run(*args, **options)
        monkeypatch.setattr(paired.teacher, 'outputs', outputs)
    return calls


@pytest.mark.parametrize('rule', [None, 'mean', 'confidence', 'expert'])
def test_two_copies_of_a_teacher_teach_as_one(rule: str | None) -> None:
    expected = losses_of(distiller(terms=SHARED))
    assert losses_of(several(rule, one=spec(), other=spec())) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize('rule', ['mean', 'confidence'])
def test_a_weight_of_0_is_absence(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = several(rule, one=spec(), other=spec(5, weight=0.0, terms=TOKENS))
    calls, found = count_calls(model, monkeypatch), losses_of(model)
    assert found.pop('loss_other_tokens') == 0 and calls == dict(one=1, other=0)
    assert found == pytest.approx(losses_of(several(rule, one=spec())), rel=1e-6)
    assert found == pytest.approx(losses_of(distiller(terms=SHARED)), rel=1e-5)


def test_terms_of_a_teacher_read_it_alone_times_its_weight() -> None:
    expected = losses_of(distiller(terms=dict(TERMS, score=None)))
    model = several(terms={}, one=spec(terms=dict(tokens=TERMS['visual_tokens'], score=None), weight=0.5),
                    other=spec(5, terms=dict(heatmap=TERMS['simulated_heatmap'])))
    found = losses_of(model)
    assert set(found) == {'loss_kpt', 'loss_one_tokens', 'loss_other_heatmap'} and model.combination is None
    assert found['loss_one_tokens'] == pytest.approx(expected['loss_visual_tokens'] / 2)
    assert model.owners == dict(one_tokens='one', other_heatmap='other')
    assert set(model.terms) == set(model.distillation)
    alone = losses_of(distiller(teacher=teacher(seed=5), terms=dict(heatmap=TERMS['simulated_heatmap'])))
    assert found['loss_other_heatmap'] == pytest.approx(alone['loss_heatmap'])


def test_schedules_hand_over_from_one_teacher_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """As ODKD's order: a teacher that is not its turn does not run, and the other one teaches alone."""
    first, second = (dict(type='window', start=start, end=end) for start, end in ((0.0, 0.5), (0.5, 1.0)))
    model = several(one=spec(schedule=first, terms=TOKENS), other=spec(5, schedule=second))
    calls = count_calls(model, monkeypatch)
    for iteration, active in ((0, 'one'), (49, 'one'), (50, 'other'), (99, 'other')):
        at(iteration, monkeypatch)
        before, found = dict(calls), losses_of(model)
        assert {name for name in calls if calls[name] > before[name]} == {active}
        alone = losses_of(distiller(teacher=teacher(seed=0 if active == 'one' else 5), terms=SHARED))
        assert (found.pop('loss_one_tokens') > 0) == (active == 'one')
        assert found == pytest.approx(alone, rel=1e-5)


def test_schedules_by_epoch_wait_for_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    model = several(one=spec(schedule=dict(type='window', end=0.5), by_epoch=True))
    at(90, monkeypatch)
    at(40, monkeypatch, unit='epoch')
    assert model.factor('score') > 0
    at(50, monkeypatch, unit='epoch')
    assert model.factor('score') == 0


def test_terms_are_0_while_no_teacher_is_active(monkeypatch: pytest.MonkeyPatch) -> None:
    model = several(one=spec(schedule='warmup'), task_weight=0.0)
    at(0, monkeypatch)
    calls, losses = count_calls(model, monkeypatch), model(*batch(), mode='loss')
    assert calls == dict(one=0) and all(losses[f'loss_{name}'] == 0 for name in SHARED)
    sum(losses.values()).backward()
    assert all(weight.grad is not None for weight in model.parameters() if weight.requires_grad)


def test_no_teacher_runs_that_no_term_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []
    monkeypatch.setattr('distilpose.distillation.supervision.print_log', lambda text, *_: logged.append(text))
    model = several(terms={}, one=spec(terms=TOKENS), other=spec(5))
    assert logged == ['model.teachers.other supervises nothing: it has no terms of its own, and model.terms has none.']
    calls = count_calls(model, monkeypatch)
    losses_of(model)
    assert calls == dict(one=1, other=0)


def test_a_rule_that_nothing_is_combined_by_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []
    monkeypatch.setattr('distilpose.distillation.supervision.print_log', lambda text, *_: logged.append(text))
    several('expert', terms={}, one=spec(terms=TOKENS, joints=[0]))
    assert logged == ["model.combine='expert' has no effect: no term of model.terms reads the combined outputs."]


def test_teachers_of_equal_images_share_their_conversion() -> None:
    other = copy.deepcopy(TEACHER)
    other['data_preprocessor'].update(mean=[0.0, 0.0, 0.0], std=[255.0, 255.0, 255.0])
    model = several(one=spec(), two=spec(1, other), three=spec(2, other), four=spec(3))
    adapters = [paired.to_teacher for paired in model.teachers.values()]
    assert adapters[0] is adapters[3] and adapters[1] is adapters[2] and adapters[0] is not adapters[1]
    model.to('meta')
    assert adapters[1].scale.device.type == 'meta'


def test_an_expert_teaches_its_joints() -> None:
    model = several('expert', one=spec(), other=spec(5, joints=[0, 3]))
    images, _ = batch()
    found = model.run_teachers(images)
    for joint in range(17):
        expected = found['other' if joint in (0, 3) else 'one'].heatmaps[-1][:, joint]
        torch.testing.assert_close(found[COMBINED].heatmaps[-1][:, joint], expected)
    assert torch.equal(model.run_teacher(images).heatmaps[-1], found[COMBINED].heatmaps[-1])


def test_an_expert_of_weight_0_is_no_expert_outside_of_a_training_either() -> None:
    found = several('expert', one=spec(), other=spec(5, joints=[0], weight=0.0)).run_teachers(batch()[0])
    torch.testing.assert_close(found[COMBINED].heatmaps[-1], found['one'].heatmaps[-1])
    assert several(one=spec(weight=0.0)).run_teacher(batch()[0]).heatmaps is not None


def test_the_combined_fields_are_those_of_all_teachers_while_one_of_them_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (dict(type='window', start=start, end=end) for start, end in ((0.0, 0.5), (0.5, 1.0)))
    model = several(one=spec(schedule=first), terms=dict(points=dict(type='CoordinateTerm')),
                    other=spec(5, SIMCC, heatmaps=dict(size=(12, 16), sigma=1.0), schedule=second))
    produced: list[tuple[str, ...]] = []
    assert model.combination is not None
    model.combination.register_forward_hook(lambda _, given, found: produced.append(found.produced()))
    for iteration in (0, 50):
        at(iteration, monkeypatch)
        losses_of(model)
    assert produced == [('heatmaps',)] * 2


def test_a_teachers_own_term_may_have_the_name_of_a_combined_one() -> None:
    udp = changed(TEACHER)
    udp['head']['decoder'].update(type='UDPHeatmap')
    terms = dict(kd=dict(type='HeatmapTerm'))
    alone, both = (several(student=udp, one=spec(1, udp, **options), terms=terms).teachers['one']
                   for options in ({}, dict(terms=dict(kd=dict(type='FeatureTerm')))))
    assert both.grids == alone.grids and both.grids.target.kind == 'udp'


def test_a_heatmap_teacher_and_a_simcc_teacher_that_draws_heatmaps() -> None:
    model = several('confidence', one=spec(), other=spec(5, SIMCC, heatmaps=dict(size=(24, 32), sigma=2.0)))
    found = model.run_teachers(batch()[0])
    assert found['other'].heatmaps[-1].shape[-2:] == (32, 24)
    assert found[COMBINED].heatmaps[-1].shape[-2:] == (32, 24), 'the largest, since the student draws none'
    assert all(value > 0 for value in losses_of(model).values())


def test_the_student_is_initialised_as_without_a_teacher_and_its_state_is_the_students() -> None:
    model, plain = several(one=spec(terms=TOKENS), other=spec(5)), distiller()
    assert list(model.state_dict()) == list(plain.state_dict())
    assert all(torch.equal(value, plain.state_dict()[name]) for name, value in model.state_dict().items())
    inside = {id(parameter) for parameter in model.parameters()}
    for paired in model.teachers.values():
        assert not inside & {id(parameter) for parameter in paired.teacher.model.parameters()}


def test_a_copy_shares_the_teachers() -> None:
    model = several(one=spec(), other=spec(5))
    copied = copy.deepcopy(model)
    for name, paired in copied.teachers.items():
        assert paired is not model.teachers[name] and paired.teacher is model.teachers[name].teacher
        assert paired in copied.paired_teachers
    assert losses_of(copied) == losses_of(model)


def test_only_one_teacher_is_the_teacher() -> None:
    model = several(one=spec(), other=spec(5))
    assert getattr(model, 'teacher', None) is None and not hasattr(model, 'keypoint_map')
    assert several(one=spec()).teacher is not None


def test_modules_of_the_only_teacher_are_set_there() -> None:
    model, adapter = distiller(), torch.nn.Identity()
    model.to_teacher = adapter
    assert model.to_teacher is adapter is model.only_teacher().to_teacher and 'to_teacher' not in model._modules


def test_teachers_are_attached_once_to_the_students_network(monkeypatch: pytest.MonkeyPatch) -> None:
    attached: list[Any] = []
    monkeypatch.setattr('distilpose.distillation.FrozenTeacher.attach',
                        lambda one, student: attached.append((one, student)))
    model = several(one=spec(), other=spec(5))
    assert attached == [(paired.teacher, model.student) for paired in model.teachers.values()]


ONE = spec()


@pytest.mark.parametrize(('options', 'words'), [
    (dict(teachers=None), 'model.teacher and model.teachers are both missing'),
    (dict(teacher=ONE, teachers=dict(one=ONE)), 'both set; set one of them to None'),
    (dict(teachers={}), 'model.teachers has no teacher'),
    (dict(teachers=dict(one=None)), 'model.teachers has no teacher'),
    (dict(teachers={'my-hands': ONE}), "has the name 'my-hands'; expected a word of letters"),
    (dict(teachers=dict(teacher=ONE)), "has the name 'teacher'; expected a word .* other than 'teacher'"),
    (dict(teachers=dict(all_teachers=ONE)), "has the name 'all_teachers'; expected a word .* and 'all_teachers', such"),
    (dict(teachers=dict(one=dict(ONE, schedule=5))), 'model.teachers.one: schedule is 5; expected a name .constant'),
    (dict(teachers=dict(one=ONE), combine='median'), "model.combine is 'median'; expected one of mean, confidence"),
    (dict(teachers=dict(one=dict(ONE, joints=[0]))), r"model.teachers.one.joints is read by model.combine='expert', "
                                                     "which is 'mean'"),
    (dict(teacher=dict(ONE, weight=2.0)), 'model.teacher.weight is for several teachers'),
    (dict(teacher=ONE, combine='mean'), 'model.combine is for several teachers'),
    (dict(teachers=dict(one=dict(ONE, weight=float('nan')))), 'model.teachers.one: weight is nan'),
    (dict(teachers=dict(one=dict(ONE, weight=-1.0))), 'model.teachers.one has weight=-1.0 .* at least 0'),
    (dict(teachers=dict(one=dict(ONE, wieght=1.0))), "model.teachers.one has a key 'wieght'; did you mean 'weight'"),
    (dict(teachers=dict(one=dict(ONE, schedule='windw'))), "model.teachers.one: unknown schedule 'windw'"),
    (dict(teachers=dict(one=dict(ONE, schedule=dict(type='window', start=0.5, end=0.2)))),
     "model.teachers.one: schedule 'window' has start=0.5 and end=0.2"),
    (dict(teachers=dict(one=dict(ONE, terms=dict(kd=dict(type='ScoreTerm', weight=float('inf')))))),
     'model.teachers.one.terms.kd: ScoreTerm: weight is inf'),
    (dict(teachers=dict(one=dict(ONE, terms=dict(score=TERMS['score']))), terms=dict(one_score=TERMS['score'])),
     'model.teachers.one.terms.score would be logged as loss_one_score'),
    (dict(teachers=dict(one=ONE), terms=TERMS), "term 'visual_tokens' reads visual_tokens, and those of several teacher"
                                                's are not combined.* such as model.teachers.one.terms.visual_tokens'),
    (dict(teachers=dict(one=ONE, two=ONE), share_backbone=True), 'share_backbone takes weights from the teacher, and '
                                                                 'model.teachers has one, two'),
    (dict(teachers=dict(one=ONE, two=ONE), init_from_teacher=('backbone',)), 'init_from_teacher takes weights from'),
    (dict(teachers=dict(one=dict(ONE, keypoints=dict(nose='nose')))),
     r'model.teachers.one.keypoints names keypoint|model.teachers.one.keypoints names .nose'),
    (dict(teachers=dict(one=dict(ONE, crop='both'))), "model.teachers.one.crop is 'both'"),
    (dict(teachers=dict(one=dict(type='OnnxTeacher'))), 'model.teachers.one is a OnnxTeacher without file'),
    (dict(teachers=dict(one=dict(checkpoint='x.pth'))), 'model.teachers.one names no config'),
    (dict(teachers=dict(one=dict(config=TEACHER, checkpoint='x.pth', hed=1))), "model.teachers.one has a key 'hed'"),
    (dict(teachers=dict(one=dict(ONE, joints=['nose'])), combine='expert'),
     "model.teachers.one.joints names 'nose', and the student does not name"),
])
def test_what_does_not_fit_is_refused(options: dict, words: str) -> None:
    with pytest.raises(DistilPoseError, match=words):
        PoseDistiller(copy.deepcopy(STUDENT), **dict(dict(terms=SHARED), **options))


def test_pairs_are_checked_for_every_teacher() -> None:
    with pytest.raises(DistilPoseError, match="term 'kd' needs heatmaps of the teacher, .*"
                       "let it draw heatmaps with model.teachers.two.heatmaps=dict"):
        several(terms={}, one=spec(), two=spec(1, SIMCC, terms=dict(kd=TERMS['score'])))
    with pytest.raises(DistilPoseError, match='only a coordinate classifier can, .*; drop model.teachers.two.heatmaps'):
        several(one=spec(), two=spec(1, heatmaps=dict(size=(12, 16), sigma=1.0)))
    with pytest.raises(DistilPoseError, match='predicts 17 keypoints, the teacher 5; .* model.teachers.two.keypoints='):
        several(one=spec(), two=spec(1, changed(TEACHER, num_keypoints=5)))


def test_what_not_all_teachers_have_is_refused() -> None:
    with pytest.raises(DistilPoseError, match='reads the heatmaps of all teachers, and model.teachers.two has none .*'
                                              'two: simcc.*let it draw them with model.teachers.two.heatmaps=dict'):
        several(one=spec(), two=spec(1, SIMCC))
    with pytest.raises(DistilPoseError, match='no output in common that can be combined'):
        several(one=spec(1, STUDENT), two=spec(1, SIMCC), terms=dict(points=dict(type='CoordinateTerm')))


def test_experts_must_predict_one_of_their_joints() -> None:
    names = tuple('abcdefghijklmnopq')
    student = dict(STUDENT, metainfo=dict(
        dataset_name='letters', joint_weights=[1.0] * 17, sigmas=[0.05] * 17, skeleton_info={},
        keypoint_info={index: dict(name=name, id=index, color=[0, 0, 0], type='', swap='')
                       for index, name in enumerate(names)}))
    table = {letter: letter for letter in 'abc'}
    model = several('expert', student=student, one=spec(names=names),
                    two=spec(5, names=names, keypoints=table, joints=['c', 'd']))
    found = model.run_teachers(batch()[0])
    torch.testing.assert_close(found[COMBINED].heatmaps[-1][:, 2], found['two'].heatmaps[-1][:, 2])
    torch.testing.assert_close(found[COMBINED].heatmaps[-1][:, 3], found['one'].heatmaps[-1][:, 3])
    assert found['two'].mask.sum(1).tolist() == [3] * 4 and found[COMBINED].mask is None
    with pytest.raises(DistilPoseError, match=r"model.teachers.two.joints is \['d'\], and the teacher predicts none"):
        several('expert', student=student, one=spec(names=names),
                two=spec(5, names=names, keypoints=table, joints=['d']))
