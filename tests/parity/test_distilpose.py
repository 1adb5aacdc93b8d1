"""DistilPose against figures that the published implementation produced (float32, CPU)."""

from __future__ import annotations

import json
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from distilpose.checkpoints.published import rename_distilpose, rename_distilpose_key
from distilpose.config import build_estimator, load_config, read_model_source
from distilpose.distillation import FrozenTeacher, PoseDistiller
from distilpose.distillation.terms import draw_simulated_heatmaps, simulated_heatmap_loss
from distilpose.structures import PoseOutputs
from tests.devices import on_device
from tests.parity.conftest import CONFIGS, ROOT
from tests.parity.reference import figures, fixture, images, published_state

OURS = dict(reg_loss='loss_kpt', vis_dist_loss='loss_visual_tokens', kpt_dist_loss='loss_keypoint_tokens',
            score_loss='loss_score', reg2hm_loss='loss_simulated_heatmap')


def assert_close(found: Tensor, expected: np.ndarray) -> None:
    """Within 2e-5 of the expected output's spread; large outputs are stored as every 97th value."""
    found = found.detach().cpu().numpy().ravel()
    found = found if found.size == expected.size else found[::97]
    np.testing.assert_allclose(found, expected.ravel(), rtol=0, atol=2e-5 * expected.std())


@on_device
@pytest.mark.parametrize('name', CONFIGS)
def test_outputs(name: str, published_network) -> None:
    model, expected = published_network(name), fixture(name)
    with torch.no_grad():
        outputs = model.head(model.extract_feat(images(expected['input_shape'])))
    prediction = outputs.heatmaps[-1] if outputs.coords is None else outputs.coords
    assert_close(outputs.visual_tokens, expected['out_vis_token'])
    assert_close(outputs.keypoint_tokens, expected['out_kpt_token'])
    assert_close(prediction, expected['out_pred'])
    if 'out_score' in expected:
        assert_close(outputs.scores, expected['out_score'])
        assert_close(outputs.sigmas, expected['out_sigma'])


@on_device
@pytest.mark.parametrize('name', CONFIGS)
def test_parameter_counts(name: str, published_network) -> None:
    model, expected = published_network(name), fixture(name)
    assert sum(p.numel() for p in model.parameters()) == expected['params']
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == expected['params_trainable']


@pytest.mark.usefixtures('quick_traces')
@pytest.mark.parametrize('config, entries', [
    ('distilpose/coco/DistilPose_S', 230), ('distilpose/coco/DistilPose_L', 1070),
    ('distilpose/coco/stemnet', 230), ('distilpose/coco/hr48_3stage', 1070),
    ('tokenpose/coco/teacher_hr48', 1896), ('tokenpose/coco/teacher_stemnet', 234),
])
def test_number_of_entries_in_the_state_dict(config: str, entries: int) -> None:
    source = read_model_source(dict(config=f'{ROOT}/{config}_coco_256x192.py'))
    with torch.device('meta'):
        assert len(build_estimator(source.model).state_dict()) == entries


@on_device
@pytest.mark.parametrize('config', ['distilpose/coco/DistilPose_S', 'distilpose/coco/DistilPose_L',
                                    'tokenpose/coco/teacher_stemnet'])
def test_initial_weights(config: str) -> None:
    """Convolutions N(0, 0.001), linear layers and keypoint tokens truncated N(0, 0.02), biases 0, norms 1 and 0."""
    torch.manual_seed(0)
    model = build_estimator(read_model_source(dict(config=f'{ROOT}/{config}_coco_256x192.py')).model)
    model.init_weights()
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            assert module.weight.std().item() == pytest.approx(0.001, rel=0.1), name
        elif isinstance(module, nn.Linear):
            tolerance = 0.1 if module.weight.numel() > 2000 else 0.2
            assert module.weight.std().item() == pytest.approx(0.02, rel=tolerance), name
            assert module.bias is None or not module.bias.any(), name
        elif isinstance(module, (nn.BatchNorm2d, nn.LayerNorm)):
            assert (module.weight == 1).all() and not module.bias.any(), name
    assert model.head.encoder.keypoint_tokens.std().item() == pytest.approx(0.02, rel=0.1)


def test_l_starts_from_the_teachers_backbone_and_nothing_else_of_it() -> None:
    options = load_config(f'{ROOT}/distilpose/coco/DistilPose_L_coco_256x192.py').model.to_dict()
    options.pop('type')
    teacher = published_hr48_teacher()
    model = PoseDistiller(**dict(options, teacher=FrozenTeacher(teacher)))
    model.init_weights()
    theirs = teacher.state_dict()
    for name, value in model.backbone.state_dict().items():
        assert torch.equal(value, theirs[f'backbone.{name}'])
    assert not torch.equal(model.head.encoder.keypoint_tokens, teacher.head.encoder.keypoint_tokens)
    assert model.head.readout[1].weight.shape == (5, 192)


def _samples(targets: np.ndarray, weights: np.ndarray) -> list[PoseDataSample]:
    samples = []
    for target, weight in zip(torch.as_tensor(targets), torch.as_tensor(weights[..., 0]), strict=True):
        labels = InstanceData(keypoint_labels=target[None], keypoint_weights=weight[None])
        samples.append(PoseDataSample(gt_instance_labels=labels))
    return samples


class GivenTeacher(FrozenTeacher):
    """Answers every batch with the outputs of the fixture, and with nothing special at build time."""

    def outputs(self, images: Tensor) -> PoseOutputs:
        if len(images) == 1:
            return super().outputs(images)
        given = fixture('distilpose_s')
        return PoseOutputs(heatmaps=(torch.as_tensor(given['teacher_heatmap']),),
                           visual_tokens=torch.as_tensor(given['teacher_visual_tokens']),
                           keypoint_tokens=torch.as_tensor(given['teacher_keypoint_tokens']))


@pytest.fixture
def step(published_network) -> SimpleNamespace:
    """One training step of the published S config: the distiller and its batch."""
    def distiller(teacher_class: type[FrozenTeacher]) -> PoseDistiller:
        model = dict(load_config(CONFIGS['distilpose_s']).model.to_dict())
        model.pop('type')
        model['teacher'] = teacher_class(published_network('teacher_stemnet'))
        built = PoseDistiller(**model)
        built.load_state_dict(published_network('distilpose_s').state_dict(), strict=True)
        return built
    expected = fixture('distilpose_s')
    return SimpleNamespace(distiller=distiller, expected=expected, images=images(expected['input_shape']),
                           samples=_samples(expected['target'], expected['target_weight']))


def _losses(losses: dict[str, Tensor]) -> dict[str, float]:
    return {theirs: losses[ours].item() for theirs, ours in OURS.items()}


@on_device
def test_losses_gradients_and_an_adam_step(step: SimpleNamespace) -> None:
    model = step.distiller(GivenTeacher).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = model.loss(step.images, step.samples)
    assert _losses(losses) == pytest.approx(figures(step.expected['losses_train']), rel=1e-5)

    model.parse_losses(losses)[0].backward()
    expected = figures(step.expected['grad_norms'])
    found = {name: p.grad.norm().item() for name, p in model.named_parameters() if p.grad is not None}
    assert found == pytest.approx({rename_distilpose_key(key): norm for key, norm in expected.items()}, rel=3e-4)

    optimizer.step()
    after = _losses(model.loss(step.images, step.samples))
    assert after == pytest.approx(figures(step.expected['loss_after_one_adam_step']), rel=2e-3)


@cache
def published_hr48_teacher() -> nn.Module:
    """The W48 teacher filled by its published keys: mmpose's for the backbone, the stem teacher's for the head."""
    model = build_estimator(load_config(f'{ROOT}/tokenpose/coco/teacher_hr48_coco_256x192.py').model)
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    backbone = [(key, shape) for key, shape in shapes.items() if key.startswith('backbone.')]
    head = [(key, shapes[rename_distilpose_key(key)]) for key, _ in figures(fixture('teacher_stemnet')['keys'])
            if key.startswith('keypoint_head.')]
    state = rename_distilpose(published_state(json.dumps(backbone + head)))
    state['head.encoder.position'] = model.head.encoder.position
    model.load_state_dict(state, strict=True)
    return model.eval()


@on_device
def test_losses_in_eval_mode_with_the_tokenpose_teacher(step: SimpleNamespace) -> None:
    model = step.distiller(FrozenTeacher).eval()
    model.teacher = FrozenTeacher(published_hr48_teacher())
    with torch.no_grad():
        losses = model.loss(step.images, step.samples)
    assert _losses(losses) == pytest.approx(figures(step.expected['losses_eval_real_teacher']), rel=1e-5)


@on_device
@pytest.mark.parametrize('masking, entry', [('intended', 'reg2hm_intended'),
                                            ('official', 'reg2hm_as_coded_closed_form')])
def test_both_readings_of_the_simulated_heatmap_loss(masking: str, entry: str) -> None:
    given = fixture('distilpose_s')
    loss = simulated_heatmap_loss(*(torch.as_tensor(given[key]) for key in ('train_pred', 'train_sigma',
                                                                            'teacher_heatmap')),
                                  weights=torch.as_tensor(given['target_weight'][..., 0]), masking=masking)
    assert loss.item() == pytest.approx(given[entry].item(), rel=1e-5)


@on_device
def test_simulated_heatmap() -> None:
    given = fixture('distilpose_s')
    drawn = draw_simulated_heatmaps(torch.as_tensor(given['train_pred']), torch.as_tensor(given['train_sigma']),
                                    size=(48, 64))
    np.testing.assert_allclose(drawn[0, 0].cpu().numpy(), given['simulated_heatmap_0_0'], atol=1e-6)


@on_device
@pytest.mark.parametrize('flip_test', [False, True])
def test_decoded_keypoints(flip_test: bool, published_network) -> None:
    expected = fixture('distilpose_s')
    model = published_network('distilpose_s')
    model.test_cfg = dict(flip_test=flip_test, shift_coords=False, permute_scores=False)  # as published
    batch = images(expected['input_shape'])
    samples = []
    for index in range(len(batch)):
        box = np.zeros((1, 4), dtype=np.float32)
        meta = dict(input_center=np.array([320 + index, 240]), input_scale=np.array([240.0, 320.0]),
                    input_size=(192, 256), flip_indices=_coco_flip_indices())
        samples.append(PoseDataSample(metainfo=meta, gt_instances=InstanceData(bboxes=box, bbox_scores=np.ones(1))))
    with torch.no_grad():
        predicted = model.predict(batch, samples)
    found = np.stack([np.concatenate((sample.pred_instances.keypoints[0],
                                      sample.pred_instances.keypoint_scores[0, :, None]), axis=-1)
                      for sample in predicted])
    np.testing.assert_allclose(found, expected['decode_flip' if flip_test else 'decode_noflip'], rtol=1e-5, atol=2e-5)


def _coco_flip_indices() -> list[int]:
    from mmpose.datasets.datasets.utils import parse_pose_metainfo
    return parse_pose_metainfo(dict(from_file='configs/_base_/datasets/coco.py'))['flip_indices']


def test_published_weights_of_the_loss_terms() -> None:
    terms: Config = load_config(CONFIGS['distilpose_s']).model.terms
    assert {name: term.weight for name, term in terms.items()} == dict(
        visual_tokens=5e-4, keypoint_tokens=5e-4, simulated_heatmap=1.0, score=1e-2)
