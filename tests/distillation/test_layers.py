"""Layers: what terms read of a student and a teacher is what a forward hook on a plain network sees."""

from __future__ import annotations

import copy
import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from mmengine.model import revert_sync_batchnorm
from torch import Tensor, nn

from distilpose.config.models import build_estimator
from distilpose.distillation import PoseDistiller
from distilpose.distillation.layers import Layers
from distilpose.distillation.pairing import student_outputs
from distilpose.distillation.teachers.self_distillation import SelfDistillationTeacher
from distilpose.distillation.terms import feature_loss
from distilpose.errors import DistilPoseError
from distilpose.models.optimised import optimise_for_inference
from distilpose.models.recording import Tap, recorded_pass, remove_taps
from tests import rtmpose
from tests.networks import STUDENT, batch, distiller, teacher

IMAGES = torch.randn(2, 3, 64, 48, generator=torch.Generator().manual_seed(5))
NAMES = ('backbone', 'backbone.layer1', 'backbone.layer1.0.conv2', 'backbone.layer1.0.bn3', 'backbone.bn1',
         'head.encoder[0]', 'head.encoder.layers.1')
OVERWRITTEN = {'backbone.layer1.0.bn3', 'backbone.bn1'}
"""By the inplace ReLU behind them."""


def network() -> Any:
    torch.manual_seed(0)
    return build_estimator(copy.deepcopy(STUDENT)).eval()


def by_hooks(model: Any, names: tuple[str, ...], images: Tensor = IMAGES) -> dict[str, Tensor]:
    """The outputs of layers by forward hooks that copy them."""
    found: dict[str, Any] = {}
    handles = []
    for name in names:
        module, _, item = name.partition('[')

        def keep(_: nn.Module, __: Any, output: Any, name: str = name, item: str = item) -> None:
            value = output[int(item[:-1])] if item else output[0] if isinstance(output, tuple) else output
            found[name] = value.clone()

        handles.append(model.get_submodule(module).register_forward_hook(keep))
    model.head(model.extract_feat(images))
    for handle in handles:
        handle.remove()
    return found


def recorded(layers: Layers, model: Any, images: Tensor = IMAGES) -> dict[str, Tensor]:
    return layers.record(lambda: recorded_pass(model, images))[1]


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert set(found) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=0, msg=name)


def feature_term(student_layer: str, teacher_layer: str, **options: Any) -> dict:
    return dict(type='FeatureTerm', student_layer=student_layer, teacher_layer=teacher_layer, **options)


def test_outputs_are_those_of_a_forward_hook_before_anything_overwrites_them() -> None:
    model = network()
    expected = by_hooks(copy.deepcopy(model), NAMES)
    layers = Layers(model, NAMES)
    assert layers.names == NAMES and layers._overwritten == OVERWRITTEN
    with torch.no_grad():
        assert_same(recorded(layers, model), expected)


def test_an_inplace_dropout_does_not_change_what_is_recorded() -> None:
    model = network()
    model.backbone.layer1.append(nn.Dropout(0.9, inplace=True).eval())
    layers = Layers(model, ['backbone.layer1.0'])
    assert not model.backbone.layer1[-1].training
    expected = recorded(layers, model)
    model.backbone.layer1[-1].train()
    assert_same(recorded(layers, model), expected)


def test_outputs_of_a_module_with_several() -> None:
    config = rtmpose.network()
    config['backbone']['out_indices'] = (2, 3, 4)
    config['neck'] = dict(type='FPN', in_channels=[32, 64, 128], out_channels=128, num_outs=3)
    config['head']['in_channels'] = 128
    model = build_estimator(config).eval()
    names = ('backbone[1]', 'backbone[-1]', 'neck[1]', 'backbone.stage3')
    images = torch.randn(1, 3, 96, 64)
    plain = copy.deepcopy(model)
    found = recorded(Layers(model, names), model, images)
    maps = plain.backbone(images)
    assert torch.equal(found['backbone[1]'], maps[1]) and torch.equal(found['backbone[-1]'], maps[2])
    assert torch.equal(found['neck[1]'], plain.neck(maps)[1])
    assert torch.equal(found['backbone.stage3'], maps[1])
    with pytest.raises(DistilPoseError, match=r"'backbone' of the student is no single tensor, and backbone has 3 "
                                              r"outputs; name 'backbone\[0\]' or 'backbone\[1\]' or "):
        Layers(model, ['backbone'])


def test_backbone_neck_and_head_are_read_without_hooks() -> None:
    model = network()
    Layers(model, ['backbone', 'head[1]'])
    assert not any(module._forward_hooks for module in model.modules())
    Layers(model, ['backbone.layer1'])
    Layers(model, ['backbone.layer1', 'backbone'])
    assert len(model.backbone.layer1._forward_hooks) == 1


def test_nothing_is_registered_without_layers() -> None:
    assert not any(module._forward_hooks for module in distiller().modules())


@pytest.mark.parametrize(('name', 'reason'), [
    ('backbone.layr1', "the student has no layer 'backbone.layr1'; the nearest are 'backbone.layer1', "),
    ('backbone.layer1]', "the student has no layer 'backbone.layer1]'; the nearest are "),
    ('data_preprocessor', "the student has no layer 'data_preprocessor'; the nearest are "),
    ('head.encoder.layers', "'head.encoder.layers' of the student is not reached in a forward pass: nothing calls "
                            'head.encoder.layers itself'),
    ('backbone.layer1.0.relu', "'backbone.layer1.0.relu' of the student is called 3 times in a forward pass"),
    ('head.encoder', "'head.encoder' of the student is no single tensor, and head.encoder has 2 outputs; name "
                     "'head.encoder[0]' or 'head.encoder[1]'"),
    ('backbone[1]', "is not there: backbone has one output; name it 'backbone'"),
    ('backbone.layer1[1]', "is not there: backbone.layer1 has one output; name it 'backbone.layer1'")])
def test_a_layer_that_cannot_be_read_is_refused_when_the_model_is_built(name: str, reason: str) -> None:
    with pytest.raises(DistilPoseError) as error:
        distiller(terms=dict(feature=feature_term(name, 'backbone')))
    assert reason in str(error.value)


def test_a_layer_that_the_teacher_does_not_have_is_refused() -> None:
    with pytest.raises(DistilPoseError, match="the teacher has no layer 'backbone.layer3'; the nearest are "
                                              "'backbone.layer1'"):
        distiller(terms=dict(feature=feature_term('backbone', 'backbone.layer3')))


def test_a_pass_that_does_not_reach_a_layer_is_an_error() -> None:
    model = network()
    layers = Layers(model, ['backbone.layer1'])
    remove_taps(model)
    with pytest.raises(DistilPoseError, match="'backbone.layer1' of the student is not reached"):
        recorded(layers, model)


@pytest.mark.filterwarnings('ignore:torch.utils.checkpoint')
def test_a_layer_inside_of_a_checkpointed_block_is_refused() -> None:
    """Its first pass is without gradients; the block's own output has them."""
    config: Any = dict(copy.deepcopy(STUDENT), backbone=dict(type='ResNet', depth=18, base_channels=8, with_cp=True),
                       head=dict(type='HeatmapHead', in_channels=64, out_channels=5, deconv_out_channels=(8,),
                                 deconv_kernel_sizes=(4,), loss=dict(type='KeypointMSELoss'),
                                 decoder=dict(type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(4, 4), sigma=1)))
    model = build_estimator(config)
    Layers(model, ['backbone.layer3.0', 'backbone.layer3'])
    Layers(model, ['backbone.layer3.0.conv1'], role='teacher')
    with pytest.raises(DistilPoseError, match=r"'backbone.layer3.0.conv1' of the student has no gradient: a block"):
        Layers(model, ['backbone.layer3.0.conv1'])
    model.requires_grad_(False)
    Layers(model, ['backbone.layer3.0.conv1'])


@pytest.mark.filterwarnings('ignore:torch.utils.checkpoint')
def test_an_activation_inside_of_a_checkpointed_block_is_refused() -> None:
    """It has no weights of its own; those before it have no gradient either."""
    config = dict(copy.deepcopy(STUDENT), backbone=dict(type='MobileNetV2', widen_factor=0.25, with_cp=True),
                  head=dict(type='HeatmapHead', in_channels=1280, out_channels=5, deconv_out_channels=None,
                            decoder=dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(2, 2), sigma=1)))
    model = build_estimator(config)
    with pytest.raises(DistilPoseError, match=r"'backbone.layer3.1.conv.0.activate' of the student has no gradient"):
        Layers(model, ['backbone.layer3.1.conv.0.activate'])
    model.backbone.conv1.requires_grad_(False)
    Layers(model, ['backbone.conv1', 'backbone.conv1.activate'])


def test_a_layer_whose_rows_are_not_the_images_is_refused() -> None:
    """As windows of attention, or tokens before the batch."""
    model = network()
    model.backbone.layer1 = nn.Sequential(nn.Flatten(0, 1), nn.Unflatten(0, (-1, 4)), model.backbone.layer1)
    for role in ('student', 'teacher'):
        with pytest.raises(DistilPoseError, match=rf"'backbone.layer1.0' of the {role} puts out \(4, 16, 12\) for one "
                                                  r"image; expected \(1, ...\), a row for every image; name"):
            Layers(model, ['backbone.layer1.0'], role=role)


def test_a_layer_that_a_runner_replaces_is_recorded() -> None:
    """mmengine's Runner replaces ``SyncBN``, which RTMPose has, by BN."""
    config = rtmpose.network()
    config['backbone']['norm_cfg'] = dict(type='SyncBN')
    terms = dict(feature=feature_term('backbone.stem.0.bn', 'backbone.stem.0.bn'))
    model = PoseDistiller(config, rtmpose.teacher(rtmpose.network()), terms=terms)
    model = revert_sync_batchnorm(model).train()
    assert torch.isfinite(model(*rtmpose.batch(), mode='loss')['loss_feature'])


def test_layers_of_mixed_precision_are_compared_in_float32() -> None:
    model = distiller(terms=dict(feature=feature_term('backbone.layer1', 'backbone.layer1'))).eval()
    expected = model.loss(*batch())['loss_feature']
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = model.loss(*batch())['loss_feature']
    assert found.dtype is torch.float32
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.05)


def test_probing_leaves_the_network_as_it_is() -> None:
    model = build_estimator(copy.deepcopy(STUDENT)).train()
    model.backbone.layer1.eval()
    modes = [module.training for module in model.modules()]
    state = copy.deepcopy(model.state_dict())
    Layers(model, NAMES)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_a_term_gets_both_layers_and_its_gradients_are_those_of_the_plain_network() -> None:
    names = ('backbone.layer1.0.bn3', 'backbone.layer1.0.conv2')
    model = distiller(terms=dict(feature=feature_term(names[0], names[0], weight=0.3),
                                 inner=feature_term(names[1], names[1], weight=0.2))).eval()
    plain, other = copy.deepcopy(model.student), copy.deepcopy(model.teacher.model)
    model.teacher.copy = None
    images, samples = batch()
    losses = model.loss(images, samples)
    (losses['loss_feature'] + losses['loss_inner']).backward()
    found, expected = by_hooks(plain, names, images), by_hooks(other, names, images)
    direct = [weight * feature_loss(found[name], expected[name].detach())
              for name, weight in zip(names, (0.3, 0.2), strict=True)]
    torch.testing.assert_close(losses['loss_feature'], direct[0])
    torch.testing.assert_close(losses['loss_inner'], direct[1])
    sum(direct).backward()
    for (name, ours), theirs in zip(model.student.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, msg=name)
    assert model.student.backbone.conv1.weight.grad.abs().sum() > 0


def test_a_term_of_factor_0_depends_on_its_layer_and_its_projector() -> None:
    """Which ``DistributedDataParallel`` needs."""
    term = feature_term('backbone.layer1.0.conv1', 'backbone', weight=0.0)
    loss = distiller(terms=dict(feature=term))
    value = loss(*batch(), mode='loss')['loss_feature']
    assert value == 0
    value.backward()
    projector = loss.terms['feature'].projector
    assert (projector.weight.grad == 0).all() and (loss.backbone.conv1.weight.grad == 0).all()


def test_outputs_of_a_batch_are_not_kept() -> None:
    model = distiller(terms=dict(feature=feature_term('backbone.layer1', 'backbone.layer1')))
    outputs = model.run_teacher(batch()[0])
    kept = weakref.ref(outputs.layers['backbone.layer1'])
    del outputs
    losses = model(*batch(), mode='loss')
    student = weakref.ref(student_outputs(model.student, batch()[0], model.layers).layers['backbone.layer1'])
    del losses
    gc.collect()
    assert kept() is None and student() is None


def test_threads_record_their_own_images() -> None:
    frozen = teacher()
    frozen.record(['backbone.layer1', 'backbone.layer1.0.bn3'])
    images = [torch.randn(3, 3, 64, 48, generator=torch.Generator().manual_seed(seed)) for seed in range(8)]
    expected = [frozen.outputs(one).layers for one in images]
    with ThreadPoolExecutor(4) as pool:
        for found, alone in zip(pool.map(lambda one: frozen.outputs(one).layers, images * 3), expected * 3,
                                strict=True):
            for name, value in alone.items():
                torch.testing.assert_close(found[name], value)


def test_a_prediction_records_nothing_and_its_optimised_copy_has_no_hooks() -> None:
    model = distiller(terms=dict(feature=feature_term('backbone.layer1', 'backbone')))
    assert any(isinstance(hook, Tap) for hook in model.backbone.layer1._forward_hooks.values())
    optimised = optimise_for_inference(model.student)
    assert not any(module._forward_hooks for module in optimised.modules())
    images, samples = batch()
    model.eval()(images, samples, mode='predict')


class TestSharedBackbone:
    TERMS = dict(logit=dict(rtmpose.LOGIT), final=dict(feature_term('head.final_layer', 'head.final_layer')),
                 stage=dict(feature_term('head.mlp', 'head.mlp')))

    def distiller(self, **terms: dict) -> PoseDistiller:
        return rtmpose.distiller(taught_by=0.125, terms=copy.deepcopy({**self.TERMS, **terms}), task_weight=0.0,
                                 share_backbone=True)

    def test_the_backbone_runs_once_and_each_head_shows_its_own_layers(self) -> None:
        model, calls = self.distiller(), []
        model.backbone.register_forward_hook(lambda *_: calls.append(1))
        images, samples = rtmpose.batch()
        model.eval()
        losses = model.loss(images, samples)
        assert len(calls) == 1
        found, expected = (by_hooks(copy.deepcopy(one), ('head.final_layer', 'head.mlp'), images)
                           for one in (model.student, model.teacher.model))
        torch.testing.assert_close(losses['loss_final'],
                                   feature_loss(found['head.final_layer'], expected['head.final_layer']))
        torch.testing.assert_close(losses['loss_stage'], feature_loss(found['head.mlp'], expected['head.mlp']))

    def test_layers_of_the_shared_backbone_come_from_the_students_pass(self) -> None:
        model, calls = self.distiller(stage=feature_term('head.final_layer', 'backbone.stage4')), []
        assert set(model.layers.names) == {'head.final_layer', 'backbone.stage4'}
        model.backbone.stage4.register_forward_hook(lambda *_: calls.append(1))
        images, samples = rtmpose.batch()
        model.eval()
        losses = model.loss(images, samples)
        assert len(calls) == 1
        plain = copy.deepcopy(model.student)
        found = by_hooks(plain, ('head.final_layer', 'backbone.stage4'), images)
        projected = model.terms['stage'].projector(found['head.final_layer'])
        torch.testing.assert_close(losses['loss_stage'], feature_loss(projected, found['backbone.stage4']))


class TestOptimisedTeacher:
    @pytest.mark.parametrize('dtype', [None, 'bfloat16'])
    def test_layers_of_the_copy_are_those_of_the_network(self, dtype: str | None) -> None:
        names = ('backbone', 'backbone.layer1', 'head.encoder[0]')
        frozen = teacher(dtype=dtype)
        frozen.record(names)
        expected = by_hooks(copy.deepcopy(frozen.model), names)
        found = frozen.outputs(IMAGES).layers
        assert frozen.copy.current() is not frozen.model
        for name, value in expected.items():
            rounding = (1e-4 if dtype is None else 0.05) * float(value.abs().max())
            torch.testing.assert_close(found[name], value, rtol=0, atol=rounding, msg=name)
            assert found[name].dtype is torch.float32

    def test_layers_that_fusing_changes_are_named_and_read_of_the_stored_network(
            self, monkeypatch: pytest.MonkeyPatch) -> None:
        lines: list[str] = []
        monkeypatch.setattr('distilpose.distillation.teachers.optimised_copy.print_log',
                            lambda text, *_: lines.append(text))
        names = ('backbone.layer1.0.conv2', 'backbone.bn1')
        frozen = teacher()
        with torch.no_grad():
            for module in frozen.model.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.running_mean.normal_(std=0.5)
        frozen.record(names)
        expected = by_hooks(copy.deepcopy(frozen.model), names)
        assert_same(frozen.outputs(IMAGES).layers, expected)
        assert frozen.copy.current() is frozen.model
        assert len(lines) == 1 and 'other outputs of backbone.layer1.0.conv2, backbone.bn1 or none' in lines[0]

    def test_a_compiled_copy_is_compiled_for_the_batches_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """One more batch size would make the size of the batch a variable of what is compiled."""
        graphs: list[Any] = []

        def backend(graph: Any, inputs: Any) -> Any:
            graphs.append(inputs)
            return graph.forward

        traced = torch._dynamo.optimize(backend)
        monkeypatch.setattr(torch, 'compile', lambda function, mode: traced(function))
        frozen = teacher(compile='reduce-overhead')
        frozen.record(['backbone.layer1'])
        expected = by_hooks(copy.deepcopy(frozen.model), ('backbone.layer1',))
        found = frozen.outputs(IMAGES).layers['backbone.layer1']
        torch.testing.assert_close(found, expected['backbone.layer1'], rtol=1e-3, atol=1e-4)
        assert frozen.copy.current() is not frozen.model and len(graphs) == 2  # backbone and head
        assert all(isinstance(side, int) for inputs in graphs for value in inputs for side in value.shape)

    def test_a_teacher_in_train_mode_shows_the_layers_of_its_batches(self) -> None:
        frozen = teacher(mode='train')
        frozen.record(['backbone.layer1'])
        frozen.train(True)
        expected = by_hooks(copy.deepcopy(frozen.model), ('backbone.layer1',))
        assert_same(frozen.outputs(IMAGES).layers, expected)


def test_a_moving_average_of_the_student_shows_its_layers() -> None:
    model = distiller(teacher=dict(type='MovingAverageTeacher', momentum=0.9),
                      terms=dict(feature=feature_term('backbone.layer1', 'backbone.layer1')))
    model.teacher.begin()
    images = batch()[0]
    found = model.run_teacher(images).layers
    model.eval()
    assert_same(found, by_hooks(copy.deepcopy(model.student), ('backbone.layer1',), images))


def test_a_teacher_without_layers_says_so() -> None:
    plain = SelfDistillationTeacher()
    plain.record([])
    with pytest.raises(DistilPoseError, match="terms read 'backbone' of the teacher, and a SelfDistillationTeacher "
                                              'shows no layers of its network'):
        plain.record(['backbone'])


def compare_compiled(**options: Any) -> None:
    """Two batches, of which the second runs what was compiled for the first."""
    terms = dict(feature=feature_term('backbone.layer1.0.bn3', 'backbone.layer1'),
                 inner=feature_term('backbone.layer1.0.conv2', 'backbone'))
    plain = distiller(terms=copy.deepcopy(terms))
    model = distiller(teacher=teacher(compile=options['compile_student']), terms=copy.deepcopy(terms), **options)
    model.load_state_dict(plain.state_dict())
    for seed in (2, 3):
        expected, found = (one(*batch(seed=seed), mode='loss') for one in (plain, model))
        for name in ('loss_feature', 'loss_inner'):
            torch.testing.assert_close(found[name], expected[name], rtol=1e-3, atol=1e-4)
    assert model.teacher.copy.current() is not model.teacher.model
    gradients = []
    for one, losses in ((plain, expected), (model, found)):
        (losses['loss_feature'] + losses['loss_inner']).backward()
        gradients.append({name: weight.grad for name, weight in one.named_parameters() if weight.grad is not None})
    for name, value in gradients[1].items():
        if name not in gradients[0]:  # what neither loss reads, in one graph with what they read
            assert not value.any()
    for name, value in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], value, rtol=1e-2, atol=1e-2 * float(value.abs().max()))


@pytest.mark.slow
def test_a_traced_student_and_teacher_show_their_layers_in_one_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a backend that only traces, so that no compiler is needed."""
    traced = torch._dynamo.optimize('eager', nopython=True)
    monkeypatch.setattr(torch, 'compile', lambda function, mode: traced(function))
    compare_compiled(compile_student='reduce-overhead')


@pytest.mark.slow
def test_a_compiled_student_and_a_compiled_teacher_show_their_layers() -> None:
    compare_compiled(compile_student='default')


def test_each_of_several_teachers_shows_its_own_layers() -> None:
    names, frozen = dict(one='backbone.layer1', two='backbone.layer1.0.conv2'), {}
    for seed, name in enumerate(names):
        frozen[name] = teacher(seed=seed, fused=False)
    specs = {name: dict(type=lambda name=name: frozen[name],
                        terms=dict(feature=feature_term('backbone.layer1', layer))) for name, layer in names.items()}
    model = distiller(teacher=None, teachers=specs, terms={}).eval()
    images, samples = batch()
    losses = model.loss(images, samples)
    own = by_hooks(copy.deepcopy(model.student), ('backbone.layer1',), images)['backbone.layer1']
    for name, layer in names.items():
        expected = by_hooks(copy.deepcopy(frozen[name].model), (layer,), images)[layer]
        projected = model.terms[f'{name}_feature'].projector(own)
        torch.testing.assert_close(losses[f'loss_{name}_feature'], feature_loss(projected, expected))
