"""The table of methods, row by row: which terms teach which student from which teacher, and with which numbers."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from distilpose.config import load_config
from distilpose.distillation.distiller import build_terms
from distilpose.distillation.method_rules import ANY, METHODS, RULES, Rule, describe_rules, read_term
from distilpose.distillation.methods import HEATMAP_SHARE, KINDS, Network, choose_method
from distilpose.distillation.teachers.heatmaps import draw_simcc_heatmaps
from distilpose.errors import DistilPoseError
from distilpose.structures import Labels, PoseOutputs
from tests.devices import on_device

K = 17
SIZE = (48, 64)


def outputs(kind: str, *, seed: int = 0, batch: int = 1, **further: Any) -> PoseOutputs:
    """What a network of a kind shows of images of 48x64, with gradients."""
    generator = torch.Generator().manual_seed(seed)

    def rand(*shape: int) -> torch.Tensor:
        return torch.rand(batch, *shape, generator=generator).requires_grad_()

    fields: dict[str, Any] = dict(heatmaps=dict(heatmaps=(rand(K, 16, 12),)),
                                  simcc=dict(simcc=(rand(K, 96), rand(K, 128))),
                                  coordinates=dict(coords=rand(K, 2)))[kind]
    return PoseOutputs(**fields, **further)


def network(kind: str, *, beta: float = 1.0, sums_joints: bool = False, **further: Any) -> Network:
    return Network(f'a {kind} network', outputs(kind, **further), SIZE, beta, sums_joints, skeleton='coco')


@on_device
@pytest.mark.parametrize('student', KINDS)
@pytest.mark.parametrize('teacher', KINDS)
def test_auto_has_a_method_for_every_pair(student: str, teacher: str) -> None:
    expected = dict(heatmaps='fpd', simcc='simcc', coordinates='distilpose')[student]
    if teacher == 'coordinates':
        expected = 'coordinates'
    assert choose_method('auto', network(student), network(teacher)).rule.method == expected


@on_device
@pytest.mark.parametrize(('student', 'teacher_size', 'drawn'), [
    ('heatmaps', (96, 128), (12, 16)), ('heatmaps', (64, 64), (16, 16)), ('heatmaps', (256, 192), (20, 15)),
    ('coordinates', (64, 64), (16, 16))])
def test_heatmaps_are_drawn_in_the_proportions_of_the_teachers_crop(
        student: str, teacher_size: tuple[int, int], drawn: tuple[int, int]) -> None:
    teacher = Network('a square network', outputs('simcc'), teacher_size)
    assert choose_method('auto', network(student), teacher).teacher['heatmaps'] == dict(size=drawn, sigma=2.0)


@on_device
@pytest.mark.parametrize('rule', RULES, ids=lambda rule: f'{rule.method}: {rule.student} from {rule.teacher}')
def test_each_row_gives_terms_that_teach(rule: Rule) -> None:
    kinds = ['heatmaps' if kind == ANY else kind for kind in (rule.student, rule.teacher)]
    if rule.method == 'cwd' and rule.student == ANY:
        kinds = ['coordinates', 'simcc']
    student, teacher = (network(kind, seed=seed, batch=3, features=(torch.rand(3, 8, 4, 3).requires_grad_(),))
                        for seed, kind in enumerate(kinds))
    recipe = choose_method(rule.method, student, teacher)
    assert recipe.rule == rule and tuple(recipe.terms)[:len(rule.terms)] == rule.terms
    assert set(recipe.terms) | set(recipe.left_out) == {*rule.terms, *rule.optional}
    shown = teacher.outputs
    if rule.draws:
        drawn = draw_simcc_heatmaps(shown.simcc, beta=1.0, **recipe.teacher['heatmaps'])
        assert drawn.shape[-2:] == (16, 12)
        shown = shown._replace(heatmaps=(drawn,))
    labels = Labels(torch.ones(3, K), torch.ones(3, dtype=torch.bool))
    for term in build_terms(recipe.terms).values():
        assert term.mismatch(student.outputs, shown) is None
        term.prepare(student.outputs, shown)
        loss = term(student.outputs, shown, labels)
        loss.backward()
        assert torch.isfinite(loss) and loss > 0
    shown = student.outputs
    gradients = [value.grad for field in (shown.heatmaps, shown.simcc, shown.features, (shown.coords,))
                 for value in field or () if value is not None]
    assert any(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients)


@on_device
def test_numbers_are_those_of_the_published_configs() -> None:
    def terms(name: str) -> Any:
        return load_config(f'configs/_base_/methods/{name}.py')

    fpd, dwpose = terms('fpd').fpd, terms('dwpose_s1').dwpose
    assert {rule.task_weight for rule in RULES if rule.method == 'fpd'} == {fpd.task_weight}
    assert {rule.task_weight for rule in RULES if rule.method != 'fpd'} == {1.0}
    recipe = choose_method('fpd', network('heatmaps'), network('heatmaps'))
    assert recipe.terms == fpd.terms.to_dict()
    maps = (torch.zeros(1, 8, 4, 3),)
    recipe = choose_method('dwpose', network('simcc', features=maps, beta=10.0),
                           network('simcc', features=maps, beta=10.0))
    assert recipe.terms == dwpose.terms.to_dict()
    assert read_term('score') == terms('any_heatmap_teacher').terms.score.to_dict()


@on_device
def test_the_betas_of_a_term_are_those_of_both_losses_and_a_sum_over_joints_weighs_as_one() -> None:
    for kind, name in (('simcc', 'simcc'), ('heatmaps', 'marginals')):
        for options, beta, weight in ((dict(beta=10.0), 10.0, 1.0), ({}, 1.0, 1.0),
                                      (dict(sums_joints=True), 1.0, 17.0)):
            teacher = network(kind, beta=options.get('beta', 1.0))
            term = choose_method('auto', network('simcc', **options), teacher).terms[name]
            assert (term['beta'], term['weight'], 'teacher_beta' in term) == (beta, weight, False)
    term = choose_method('auto', network('simcc', beta=10.0), network('simcc', beta=1.0)).terms['simcc']
    assert (term['beta'], term['teacher_beta']) == (10.0, 1.0)


@on_device
def test_coordinates_are_read_of_whatever_the_student_shows() -> None:
    for kind, options in (('coordinates', dict(student='coords')), ('heatmaps', dict(student='heatmaps')),
                          ('simcc', dict(student='simcc', beta=10.0))):
        term = choose_method('auto', network(kind, beta=10.0), network('coordinates')).terms['coordinates']
        assert term == dict(type='CoordinateTerm', weight=1.0, **options)


@on_device
def test_optional_terms_are_taken_where_both_show_them_and_named_where_not() -> None:
    tokens = dict(keypoint_tokens=torch.zeros(1, K, 8), visual_tokens=torch.zeros(1, 12, 8))
    student = network('coordinates', sigmas=torch.ones(1, K, 2), scores=torch.ones(1, K, 1), **tokens)
    recipe = choose_method('auto', student, network('heatmaps', **tokens))
    assert list(recipe.terms) == ['simulated_heatmap', 'score', 'visual_tokens', 'keypoint_tokens']
    assert recipe.terms['simulated_heatmap']['sigma'] == 'predicted' and not recipe.left_out

    wider = dict(tokens, visual_tokens=torch.zeros(1, 12, 16))
    recipe = choose_method('auto', student, network('heatmaps', **wider))
    assert 'of width 8, the teacher 12 of width 16' in recipe.left_out['visual_tokens']
    recipe = choose_method('auto', network('coordinates'), network('heatmaps'))
    assert recipe.terms['simulated_heatmap']['sigma'] == 'learned'
    assert recipe.left_out['score'] == 'the student predicts no scores'
    sentence = recipe.describe(network('coordinates'), network('heatmaps'))
    assert 'Method distilpose: simulated_heatmap. Without score: the student predicts no scores.' in sentence


@on_device
def test_features_of_another_aspect_ratio_are_left_out_of_dwpose() -> None:
    recipe = choose_method('dwpose', network('simcc', features=(torch.zeros(1, 8, 4, 3),)),
                           network('simcc', features=(torch.zeros(1, 8, 8, 8),)))
    assert list(recipe.terms) == ['logit'] and 'last feature map' in recipe.left_out['feature']


@on_device
def test_bones_are_those_of_the_students_keypoints() -> None:
    assert choose_method('bones', network('coordinates'), network('heatmaps')).terms['bones']['bones'] == 'coco'
    pairs = Network('it', outputs('simcc'), SIZE, beta=10.0, skeleton=((0, 1), (1, 2)))
    assert choose_method('bones', pairs, network('heatmaps')).terms['bones'] == dict(
        read_term('bones'), bones=[(0, 1), (1, 2)], student='simcc', beta=10.0)
    with pytest.raises(DistilPoseError, match='the keypoints of it have no skeleton; add skeleton_info to their'):
        choose_method('bones', Network('it', outputs('simcc'), SIZE), network('heatmaps'))


@on_device
def test_students_with_heatmaps_have_smaller_weights_of_terms_for_any_student() -> None:
    maps = (torch.zeros(1, 8, 4, 3),)
    for kind, factor in (('heatmaps', HEATMAP_SHARE), ('simcc', 1.0), ('coordinates', 1.0)):
        recipe = choose_method('pkd', network(kind, features=maps), network('heatmaps', features=maps))
        assert recipe.terms['pearson'] == dict(type='PearsonTerm', weight=0.5 * factor)
    assert choose_method('cwd', network('heatmaps'), network('heatmaps')).terms['channels'] == read_term('channels')


@on_device
def test_terms_on_simcc_have_both_betas_and_the_weight_of_a_sum_over_joints() -> None:
    for method, name in (('dist', 'correlation'), ('dkd', 'decoupled'), ('standardised', 'standardised')):
        plain, published = choose_method(method, network('simcc'), network('simcc')).terms[name], read_term(name)
        assert plain == published
        summed = choose_method(method, network('simcc', sums_joints=True), network('simcc', beta=10.0)).terms[name]
        assert summed['weight'] == 17 * published['weight']
        assert (summed.get('beta'), summed.get('teacher_beta')) == (
            (None, None) if method == 'standardised' else (1.0, 10.0))


@on_device
def test_a_task_loss_that_is_a_sum_over_the_batch_gets_a_reference_batch() -> None:
    student = Network('it', outputs('simcc'), SIZE, beta=10.0, sums_people=True, skeleton='coco')
    loss = dict(head=dict(loss=dict(type='ReferenceBatchKLDiscretLoss', reference_batch=16)))
    for method, expected in (('dkd', loss), ('bones', loss), ('simcc', {}), ('dwpose', {})):
        recipe = choose_method(method, student, network('simcc', beta=10.0))
        assert recipe.student == expected
        assert ('that of 16 people in a batch of any size' in recipe.describe(student, student)) == bool(expected)
    assert choose_method('dkd', network('simcc', beta=10.0), network('simcc', beta=10.0)).student == {}


@on_device
def test_methods_that_do_not_say_where_keypoints_are_need_labels() -> None:
    maps = (torch.zeros(1, 8, 4, 3),)
    student, teacher = network('heatmaps', features=maps), network('heatmaps', features=maps)
    alone = {'fpd', 'coordinates', 'cwd'}
    for method in {rule.method for rule in RULES if rule.fits('heatmaps', 'heatmaps')} - alone:
        with pytest.raises(DistilPoseError, match=f'--method {method} leaves it to labels where keypoints are, and the '
                           'images have none; train on labelled data, or take one of auto, fpd, coordinates, cwd'):
            choose_method(method, student, teacher, has_labels=False)
    for method in {'auto', *alone}:
        assert choose_method(method, student, teacher, has_labels=False).terms


@on_device
def test_a_method_that_does_not_fit_is_refused_with_those_that_do() -> None:
    with pytest.raises(DistilPoseError, match=r'the student a coordinates network predicts coordinates \(coords\), the '
                       r'teacher a heatmaps network heatmaps \(heatmaps\), which --method fpd does not fit \(heatmaps '
                       r'<- heatmaps: heatmaps; .*\); take one of auto, distilpose'):
        choose_method('fpd', network('coordinates'), network('heatmaps'))
    with pytest.raises(DistilPoseError, match='--method pkd of a coordinates network and a heatmaps network: the '
                       'teacher predicts no features; take auto or a method that does not need it, or write the term'):
        choose_method('pkd', network('coordinates', features=(torch.zeros(1, 8, 4, 3),)), network('heatmaps'))
    with pytest.raises(DistilPoseError, match="no method 'fdp'; expected one of auto, fpd, simcc"):
        choose_method('fdp', network('coordinates'), network('heatmaps'))
    with pytest.raises(DistilPoseError, match='produces features; expected heatmaps, SimCC or coordinates'):
        choose_method('auto', Network('it', PoseOutputs(features=(torch.zeros(1, 1, 1, 1),)), None),
                      network('heatmaps'))


def test_the_printed_table_has_every_row() -> None:
    lines = describe_rules().splitlines()[1:]
    assert [line.split()[0] for line in lines] == [rule.method for rule in RULES]
    assert set(METHODS) == {'auto', *(rule.method for rule in RULES)}
    assert 'coordinates <- simcc, which it draws as heatmaps: simulated_heatmap [+ score]' in lines[6]
