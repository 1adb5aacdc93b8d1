"""A Hugging Face folder is read as the config of an mmpose estimator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from distilpose.config import build_estimator, is_hugging_face, load_config, read_model_source, weights_of
from distilpose.config.hugging_face import read_hugging_face
from distilpose.errors import DistilPoseError
from tests import vitpose

COCO = ('nose', 'left_eye', 'right_eye')


def model(folder: Path, **config: Any) -> dict:
    vitpose.write_config(folder, **config)
    return read_hugging_face(folder).model.to_dict()


def test_is_the_config_of_a_recipe(tmp_path: Path) -> None:
    found = model(tmp_path)
    expected = vitpose.network()
    assert found['neck'] == expected['neck'] and found['data_preprocessor'].keys() == expected[
        'data_preprocessor'].keys()
    assert found['data_preprocessor']['mean'] == pytest.approx(expected['data_preprocessor']['mean'])
    for part in ('backbone', 'head'):
        for key in set(expected[part]) - {'type', 'with_cls_token', 'out_type', 'decoder', 'patch_size'}:
            assert found[part][key] == expected[part][key], key
    assert found['head']['decoder'] == expected['head']['decoder']
    assert found['backbone']['norm_cfg'] == dict(type='LN', eps=1e-12)


@pytest.mark.parametrize('simple, heatmap', [(True, (24, 32)), (False, (12, 16))])
def test_the_decoder_says_how_large_heatmaps_are(simple: bool, heatmap: tuple[int, int], tmp_path: Path) -> None:
    """The classic one always enlarges by 4."""
    built = build_estimator(model(tmp_path, use_simple_decoder=simple, scale_factor=8))
    assert built.head.decoder.heatmap_size == heatmap
    assert built(torch.zeros(1, 3, 64, 48), None, mode='tensor').shape == (1, 17, *heatmap[::-1])


def test_what_a_file_leaves_out_is_vitpose_b(tmp_path: Path) -> None:
    found = model(tmp_path, backbone_config=dict(model_type='vitpose_backbone'), scale_factor=None,
                  use_simple_decoder=None)
    assert found['backbone']['arch'] == dict(embed_dims=768, num_layers=12, num_heads=12, feedforward_channels=3072)
    assert tuple(found['backbone']['img_size']) == (256, 192)
    assert tuple(found['head']['decoder']['heatmap_size']) == (48, 64)


class TestNames:
    @pytest.mark.parametrize('spelling', [lambda name: name, str.upper, lambda name: name.replace('_', ' ')])
    def test_of_coco_are_mmposes(self, spelling: Any, tmp_path: Path) -> None:
        labels = {str(index): spelling(label) for index, label in enumerate(vitpose.LABELS)}
        vitpose.write_config(tmp_path, id2label=dict(reversed(labels.items())))
        assert read_model_source(dict(config=str(tmp_path))).keypoint_names[:3] == COCO
        assert read_hugging_face(tmp_path).model.metainfo == dict(from_file='configs/_base_/datasets/coco.py')

    def test_of_other_sets_are_kept_and_have_their_mirrors(self, tmp_path: Path) -> None:
        labels = {'0': 'Tail', '1': 'L_Paw', '2': 'R_Paw', '3': 'Left-Horn'}
        vitpose.write_config(tmp_path, id2label=labels)
        assert read_model_source(dict(config=str(tmp_path))).keypoint_names == ('tail', 'left_paw', 'right_paw',
                                                                                'left_horn')
        built = build_estimator(read_hugging_face(tmp_path).model)
        assert built.metainfo['flip_indices'] == [0, 2, 1, 3] and built.head.out_channels == 4

    @pytest.mark.parametrize('config', [dict(id2label={'0': 'LABEL_0', '1': 'LABEL_1'}),
                                        dict(id2label=None, num_labels=2), dict(id2label=None)])
    def test_may_be_unknown(self, config: dict, tmp_path: Path) -> None:
        vitpose.write_config(tmp_path, **config)
        assert read_model_source(dict(config=str(tmp_path))).keypoint_names is None
        assert read_hugging_face(tmp_path).model.head.out_channels == 2


class TestPreprocessor:
    @staticmethod
    def read(folder: Path, **options: Any) -> dict:
        (folder / 'preprocessor_config.json').write_text(json.dumps(options))
        return model(folder)['data_preprocessor']

    def test_has_the_means(self, tmp_path: Path) -> None:
        found = self.read(tmp_path, image_mean=[0.5, 0.4, 0.3], image_std=[0.1, 0.2, 0.3], do_rescale=True,
                          rescale_factor=1 / 255, do_normalize=True, size=dict(height=64, width=48))
        assert found['mean'] == pytest.approx([127.5, 102, 76.5]) and found['std'] == pytest.approx([25.5, 51, 76.5])

    @pytest.mark.parametrize('options, sentence', [
        (dict(do_normalize=False), 'do_normalize=False; expected pixels that are divided by 255 and normalised'),
        (dict(do_rescale=False), 'do_rescale=False'),
        (dict(rescale_factor=1), 'rescale_factor=1;'),
        (dict(size=dict(height=256, width=192)), '192x256 .* and config.json of 48x64; make them agree'),
        (dict(image_mean=[0.5]), r'image_mean=\[0.5\]; expected three numbers'),
        (dict(image_std='abc'), "image_std='abc'; expected three numbers"),
        (dict(size=5), 'expected a JSON object'),
    ])
    def test_of_another_kind_is_refused(self, options: dict, sentence: str, tmp_path: Path) -> None:
        with pytest.raises(DistilPoseError, match=sentence):
            self.read(tmp_path, **options)


@pytest.mark.parametrize('config, sentence', [
    (dict(model_type='detr'), "network of the type 'detr'; expected 'vitpose'"),
    (dict(model_type=None), 'of the type None'),
    (dict(backbone=dict(model_type='dinov2')), "backbone_config.model_type='dinov2'"),
    (dict(backbone=dict(hidden_act='relu')), "hidden_act='relu'"),
    (dict(backbone=dict(out_indices=[1], out_features=['stage1'])), 'features of 1 .* the last of its 2 layers'),
    (dict(backbone=dict(hidden_size='many')), 'not what it should be .*many'),
    (dict(backbone_config=[3]), r'backbone_config=\[3\]; expected a JSON object'),
    (dict(id2label=['nose']), 'not what it should be'),
])
def test_another_network_or_a_damaged_setting_is_refused(config: dict, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match=sentence) as raised:
        model(tmp_path, **config)
    assert str(tmp_path / 'config.json') in str(raised.value)


@pytest.mark.parametrize('text, sentence', [
    ('{"model_type": ', 'cannot be read as JSON'), ('[1]', 'holds a list'),
    ('[' * 100_000, 'cannot be read as JSON'), ('\xff', 'cannot be read as JSON')],
                         ids=['cut', 'list', 'deep', 'bytes'])
def test_a_damaged_file_is_refused(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / 'config.json').write_bytes(text.encode('latin-1'))
    with pytest.raises(DistilPoseError, match=sentence):
        read_hugging_face(tmp_path)


@pytest.mark.parametrize('names, sentence', [
    ([], 'has no weights; expected model.safetensors'),
    (['pytorch_model.bin'], 'has only pytorch_model.bin; expected model.safetensors.*save_pretrained'),
    (['model-00001-of-2.safetensors', 'model.safetensors.index.json'], 'has only model-00001-of-2.safetensors')])
def test_weights_of_another_kind_are_named(names: list[str], sentence: str, tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(DistilPoseError, match=sentence):
        weights_of(tmp_path)


def test_a_folder_of_something_else_is_no_config(tmp_path: Path) -> None:
    assert not is_hugging_face(tmp_path)
    with pytest.raises(DistilPoseError, match=r'is a folder without config\.json.*name a config in it'):
        load_config(tmp_path)
