"""Published state dicts are recognised by their keys and come out under our names."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from torch import Tensor

from distilpose.checkpoints import load_strict, read_weights
from distilpose.checkpoints.published import SOURCES, recognise, to_our_names
from distilpose.config import build_estimator, load_config
from distilpose.distillation import PoseDistiller
from distilpose.distillation.teachers import load_teacher
from distilpose.errors import DistilPoseError
from distilpose.models import StackedHourglass
from tests import networks
from tests.checkpoints.made_files import ENCODER_LAYER, published_names, student_weights, wrapped
from tests.parity.reference import fixture

CONFIGS = dict(
    teacher_stemnet='configs/body/2d_kpt_sview_rgb_img/tokenpose/coco/teacher_stemnet_coco_256x192.py',
    heatmap_hrnet_w32_256x192='mmpose::body_2d_keypoint/topdown_heatmap/coco/'
                              'td-hm_hrnet-w32_8xb64-210e_coco-256x192.py',
    heatmap_res50_256x192='mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_res50_8xb64-210e_coco-256x192.py',
    fpd_hg4x128='configs/body/2d_kpt_sview_rgb_img/fpd/mpii/hourglass_4x128_mpii_256x256.py',
    simdr_hrnet_w32_256x192='configs/body/2d_kpt_sview_rgb_img/simdr/coco/simdr_hrnet_w32_coco_256x192.py',
    simdr_res50_256x192='configs/body/2d_kpt_sview_rgb_img/simdr/coco/simdr_res50_coco_256x192.py',
    tokenpose_s_v1='configs/body/2d_kpt_sview_rgb_img/tokenpose/coco/tokenpose_s_v1_coco_256x192.py')
NAMES = dict(
    distilpose_s='a student of DistilPose', stemnet='a student of DistilPose',
    teacher_stemnet="DistilPose's TokenPose teacher",
    heatmap_hrnet_w32_256x192='a heatmap HRNet of the HRNet code base',
    heatmap_res50_256x192='a SimpleBaseline ResNet of the HRNet code base',
    fpd_hg4x128='a stacked hourglass of FPD',
    simdr_hrnet_w32_256x192='SimDR on HRNet', simdr_res50_256x192='SimDR on a ResNet',
    tokenpose_s_v1="a TokenPose of TokenPose's own code base")


def published_shapes(name: str) -> dict[str, Tensor]:
    """The whole published state dict of a fixture, sine table included, as tensors without memory."""
    return {key: torch.empty(shape, device='meta') for key, shape in json.loads(str(fixture(name)['keys']))}


@pytest.mark.parametrize('name', NAMES)
def test_recognised_by_its_keys_alone(name: str) -> None:
    keys = published_shapes(name).keys()
    assert recognise(keys).name == NAMES[name]
    assert sum(source.matches(keys) for source in SOURCES if source.name != 'a pose estimator of mmpose 0.x') == 1


@pytest.mark.parametrize('name', CONFIGS)
def test_every_name_and_shape_is_the_models(name: str) -> None:
    ours = {key: tuple(value.shape) for key, value in to_our_names(published_shapes(name)).items()}
    model = build_estimator(load_config(CONFIGS[name]).model)
    assert ours == {key: tuple(value.shape) for key, value in model.state_dict().items()}


@pytest.mark.usefixtures('quick_traces')
@pytest.mark.parametrize('kind, prefix', [('t', 'transformer.'), ('b', 'transformer.'), ('l_d24', 'transformer.')])
def test_every_tokenpose_with_a_transformer_of_its_own(kind: str, prefix: str) -> None:
    """B and L also have an HRNet, and L three transformers of eight layers; the names are written down from theirs."""
    with torch.device('meta'):
        config = f'configs/body/2d_kpt_sview_rgb_img/tokenpose/coco/tokenpose_{kind}_coco_256x192.py'
        ours = build_estimator(load_config(config).model).state_dict()
    published = {}
    for name, value in ours.items():
        layer = re.match(r'head\.encoder\.layers\.(\d+)\.(.*)', name)
        if name.startswith('backbone.'):
            key = name.replace('backbone.', 'pre_feature.')
        elif layer and kind == 'l_d24':
            key = f'{prefix}transformer{int(layer[1]) // 8 + 1}.layers.{int(layer[1]) % 8}.{layer[2]}'
        else:
            key = name.replace('head.encoder.layers.', f'{prefix}transformer.layers.')
        for mine, theirs in (*ENCODER_LAYER, ('head.encoder.keypoint_tokens', f'{prefix}keypoint_token'),
                             ('head.encoder.position', f'{prefix}pos_embedding'),
                             ('head.encoder.embedding.', f'{prefix}patch_to_embedding.'),
                             ('head.readout.', f'{prefix}mlp_head.')):
            key = key.replace(mine, theirs)
        published[key] = value
    assert recognise(published).name == NAMES['tokenpose_s_v1']
    found = to_our_names(published)
    assert found.keys() == ours.keys() and all(found[name] is value for name, value in ours.items())


@pytest.mark.usefixtures('quick_traces')
@pytest.mark.parametrize('config', ['sdpose_t', 'sdpose_b_hr32'])
def test_sdpose(config: str) -> None:
    """The names are written down from its code: DistilPose's, with another one for the transformer."""
    with torch.device('meta'):
        path = f'configs/body/2d_kpt_sview_rgb_img/sdpose/coco/{config}_coco_256x192.py'
        ours = build_estimator(load_config(path).model.student).state_dict()
    published = {name.replace('.transformer.', '.transformer_layer1.'): value
                 for name, value in published_names(ours, head='tokenpose').items()}
    assert recognise(published).name == 'a network of SDPose'
    assert sum(source.matches(published) for source in SOURCES if source.name != 'a pose estimator of mmpose 0.x') == 1
    found = to_our_names(published)
    assert found.keys() == ours.keys() and all(found[name] is value for name, value in ours.items())


@pytest.mark.usefixtures('quick_traces')
def test_simdr_without_upsampling() -> None:
    with torch.device('meta'):
        config = 'configs/body/2d_kpt_sview_rgb_img/simdr/coco/simdr_res50_upfree_coco_64x64.py'
        ours = build_estimator(load_config(config).model).state_dict()
    published = {name.removeprefix('backbone.').removeprefix('head.'): value for name, value in ours.items()}
    assert recognise(published).name == 'SimDR on a ResNet without upsampling'
    assert to_our_names(published).keys() == ours.keys()


@pytest.mark.usefixtures('quick_traces')
@pytest.mark.parametrize('stacks', [1, 8])
def test_an_hourglass_of_any_number_of_stacks(stacks: int) -> None:
    """A single one feeds no scores back."""
    with torch.device('meta'):
        ours = StackedHourglass(num_keypoints=16, num_stacks=stacks).state_dict()
    assert recognise(ours).name == NAMES['fpd_hg4x128']
    assert list(to_our_names(ours)) == [f'backbone.{name}' for name in ours]


def test_our_own_names_pass_unchanged() -> None:
    state = student_weights()
    assert recognise(state.keys()) is None and to_our_names(state) is state
    again = to_our_names(published_names(state))
    assert again.keys() == state.keys() and all(again[name] is value for name, value in state.items())


@pytest.mark.parametrize('added', ['mlp_head_x.weight', 'mlp_head_y.bias'])
@pytest.mark.parametrize('name', ['heatmap_hrnet_w32_256x192', 'heatmap_res50_256x192'])
def test_a_coordinate_classifier_is_no_heatmap_network(name: str, added: str) -> None:
    assert recognise([*published_shapes(name), added]) is None


def test_a_bare_imagenet_backbone_is_none_of_them() -> None:
    keys = [key for key in published_shapes('heatmap_res50_256x192') if not key.startswith(('deconv', 'final'))]
    assert recognise([*keys, 'fc.weight', 'fc.bias']) is None


def test_two_heads_in_one_file_are_refused() -> None:
    state = student_weights()
    with pytest.raises(DistilPoseError, match=r'[1-9]\d* of its weights .* two networks'):
        to_our_names({**published_names(state), **published_names(state, head='tokenpose')})


def test_counters_that_old_files_lack_are_not_missed() -> None:
    """Batch normalisation of torch 0.4.0 counted no batches."""
    state = student_weights()
    old = {name: value for name, value in published_names(state).items() if not name.endswith('num_batches_tracked')}
    assert len(old) < len(state)
    load_strict(build_estimator(networks.STUDENT), to_our_names(old), source='the old file')


def test_mmpose_0_heads_get_their_new_names() -> None:
    """A SimpleBaseline head with a further convolution: 0.x held both layers in ``final_layer``."""
    model = dict(networks.STUDENT, head=dict(
        type='HeatmapHead', in_channels=8, out_channels=17, deconv_out_channels=(8,), deconv_kernel_sizes=(4,),
        conv_out_channels=(8,), conv_kernel_sizes=(1,)))
    torch.manual_seed(0)
    expected = build_estimator(model).state_dict()
    old = {}
    for name, value in expected.items():
        name = name.replace('head.final_layer.', 'keypoint_head.final_layer.3.')
        name = name.replace('head.conv_layers.', 'keypoint_head.final_layer.')
        old[name.replace('head.deconv', 'keypoint_head.deconv')] = value
    assert recognise(old).name == 'a pose estimator of mmpose 0.x'
    assert not any(name.startswith('keypoint_head.') for name in to_our_names(old))  # or messages would name them
    built = build_estimator(model)
    load_strict(built, to_our_names(old), source='the old file')
    assert all(torch.equal(value, expected[name]) for name, value in built.state_dict().items())


class TestDirectUse:
    """Published files work where a config names a checkpoint."""

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        torch.save(wrapped(published_names(student_weights())), tmp_path / 'published.pth')
        return tmp_path / 'published.pth'

    def test_read_weights(self, file: Path) -> None:
        weights = read_weights(file)
        expected = student_weights()
        assert weights.source.name == 'a student of DistilPose'
        assert weights.state.keys() == expected.keys()
        assert all(torch.equal(value, expected[name]) for name, value in weights.state.items())

    def test_as_a_teacher(self, tmp_path: Path) -> None:
        expected = build_estimator(networks.TEACHER).state_dict()
        torch.save(published_names(expected, head='tokenpose'), tmp_path / 'teacher.pth')
        found = load_teacher(networks.TEACHER, tmp_path / 'teacher.pth').model.state_dict()
        assert all(torch.equal(value, expected[name]) for name, value in found.items())

    def test_as_the_start_of_a_student(self, file: Path) -> None:
        model = PoseDistiller(dict(networks.STUDENT, checkpoint=str(file)), networks.teacher(), terms=networks.TERMS)
        model.init_weights()
        expected = student_weights()
        assert all(torch.equal(value, expected[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize('name, warns', [('heatmap_res50_256x192', True), ('heatmap_hrnet_w32_256x192', False),
                                         ('simdr_res50_256x192', True), ('simdr_hrnet_w32_256x192', False),
                                         ('fpd_hg4x128', True)])
def test_the_log_names_the_source_and_a_channel_order_that_differs(name: str, warns: bool, tmp_path: Path,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr('distilpose.checkpoints.weights.print_log', lambda text, *_: said.append(text))
    torch.save({key: torch.zeros(1) for key in published_shapes(name)}, tmp_path / 'file.pth')
    read_weights(tmp_path / 'file.pth')
    assert NAMES[name] in said[0]
    assert any('bgr_to_rgb=False' in text for text in said) == warns
