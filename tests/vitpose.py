"""A ViTPose small enough for a test, and its weights as its own repository and as Hugging Face write them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from distilpose.config import build_estimator

DIM, DEPTH, HEADS, HIDDEN, EXPERT = 24, 2, 4, 48, 8
INPUT_SIZE, HEATMAP_SIZE = (48, 64), (12, 16)
LABELS = ('Nose', 'L_Eye', 'R_Eye', 'L_Ear', 'R_Ear', 'L_Shoulder', 'R_Shoulder', 'L_Elbow', 'R_Elbow', 'L_Wrist',
          'R_Wrist', 'L_Hip', 'R_Hip', 'L_Knee', 'R_Knee', 'L_Ankle', 'R_Ankle')
"""As the published folders spell COCO's keypoints."""
CONFIG: dict[str, Any] = dict(
    architectures=['VitPoseForPoseEstimation'], model_type='vitpose', scale_factor=4, use_simple_decoder=True,
    id2label={str(index): label for index, label in enumerate(LABELS)},
    backbone_config=dict(model_type='vitpose_backbone', image_size=[64, 48], patch_size=[16, 16], hidden_size=DIM,
                         num_hidden_layers=DEPTH, num_attention_heads=HEADS, mlp_ratio=2, out_indices=[DEPTH],
                         out_features=[f'stage{DEPTH}']))

_OWN = (('ffn.layers.0.0.', 'mlp.fc1.'), ('ffn.layers.1.', 'mlp.fc2.'), ('.ln', '.norm'))
_HUGGING_FACE = (('attn.proj.', 'attention.output.dense.'), ('ln1.', 'layernorm_before.'), ('ln2.', 'layernorm_after.'),
                 *_OWN[:2])
_HEAD = (('deconv_layers.0.', 'deconv1.'), ('deconv_layers.1.', 'batchnorm1.'), ('deconv_layers.3.', 'deconv2.'),
         ('deconv_layers.4.', 'batchnorm2.'), ('final_layer.', 'conv.'))


def network(*, simple: bool = True) -> dict[str, Any]:
    """A recipe's model, with few channels."""
    decoder = (dict(deconv_out_channels=(), deconv_kernel_sizes=(), final_layer=dict(kernel_size=3, padding=1))
               if simple else dict(deconv_out_channels=(256, 256), deconv_kernel_sizes=(4, 4)))
    neck = dict(neck=dict(type='FeatureMapProcessor', scale_factor=4.0, apply_relu=True)) if simple else {}
    return dict(
        type='TopdownPoseEstimator',
        data_preprocessor=dict(type='PoseDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375],
                               bgr_to_rgb=True),
        backbone=dict(type='mmpretrain.VisionTransformer', img_size=(64, 48), patch_size=16, patch_cfg=dict(padding=2),
                      arch=dict(embed_dims=DIM, num_layers=DEPTH, num_heads=HEADS, feedforward_channels=HIDDEN),
                      qkv_bias=True, with_cls_token=False, out_type='featmap'),
        head=dict(type='HeatmapHead', in_channels=DIM, out_channels=17, **decoder,
                  loss=dict(type='KeypointMSELoss', use_target_weight=True),
                  decoder=dict(type='UDPHeatmap', input_size=INPUT_SIZE, heatmap_size=HEATMAP_SIZE, sigma=2)), **neck)


def build(*, simple: bool = True, seed: int = 0) -> nn.Module:
    """One with random weights and running statistics that say something, in eval mode."""
    torch.manual_seed(seed)
    model = build_estimator(network(simple=simple))
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    for name, value in model.named_buffers():
        if name.endswith('running_var'):
            value.uniform_(0.5, 2)
        elif name.endswith('running_mean'):
            value.normal_()
    model.eval()
    return model


def own_repository(state: Mapping[str, Tensor], *, experts: int = 1, split: bool = False) -> dict[str, Tensor]:
    """The weights as files of ViTPose's repository have them.

    Args:
        state: of :func:`build`.
        experts: above 1, a ViTPose+ of as many data sets, whose first one is that of the weights.
        split: the file of the first one that ``model_split.py`` makes of it: both, the whole layer and the experts.
    """
    result = {}
    for name, value in state.items():
        name = re.sub(r'^head\.', 'keypoint_head.', name.replace('backbone.ln1.', 'backbone.last_norm.'))
        name = name.replace('patch_embed.projection', 'patch_embed.proj')
        name = name.replace('backbone.layers.', 'backbone.blocks.')
        result[_replaced(name, _OWN) if '.blocks.' in name else name] = value
    result['backbone.pos_embed'] = _with_class_position(result['backbone.pos_embed'])
    if experts > 1:
        result = _with_experts(result, experts, keep=split)
        result.update({name.replace('keypoint_head', f'associate_keypoint_heads.{number}'): value.clone()
                       for name, value in list(result.items()) if name.startswith('keypoint_head.')
                       for number in range(experts - 1)})
    return result


def hugging_face(state: Mapping[str, Tensor], *, experts: int = 1) -> dict[str, Tensor]:
    """The weights as ``model.safetensors`` has them."""
    result = {}
    for name, value in state.items():
        name = name.replace('backbone.pos_embed', 'backbone.embeddings.position_embeddings')
        name = name.replace('backbone.patch_embed.', 'backbone.embeddings.patch_embeddings.')
        name = name.replace('backbone.ln1.', 'backbone.layernorm.')
        name = name.replace('backbone.layers.', 'backbone.encoder.layer.')
        if '.attn.qkv.' in name:
            for part, piece in zip(('query', 'key', 'value'), value.chunk(3), strict=True):
                result[name.replace('attn.qkv', f'attention.attention.{part}')] = piece.clone()
        elif '.encoder.layer.' in name:
            result[_replaced(name, _HUGGING_FACE)] = value
        else:
            result[_replaced(name, _HEAD) if name.startswith('head.') else name] = value
    position = 'backbone.embeddings.position_embeddings'
    result[position] = _with_class_position(result[position])
    return _with_experts(result, experts, keep=False) if experts > 1 else result


def write_folder(folder: Path, *, simple: bool = True, experts: int = 1, **config: Any) -> nn.Module:
    """Writes a folder as ``save_pretrained`` does, and returns the network that it is."""
    model = build(simple=simple)
    folder.mkdir(parents=True, exist_ok=True)
    write_config(folder, **dict(dict(use_simple_decoder=simple), **config))
    weights = {name: value.contiguous() for name, value in hugging_face(model.state_dict(), experts=experts).items()}
    save_file(weights, folder / 'model.safetensors', metadata=dict(format='pt'))
    return model


def write_config(folder: Path, *, backbone: Mapping[str, Any] | None = None, **config: Any) -> None:
    """Writes ``config.json`` with other settings, or without those that are ``None``."""
    merged = dict(CONFIG, **config)
    if backbone is not None:
        merged['backbone_config'] = dict(CONFIG['backbone_config'], **backbone)
    merged = {name: value for name, value in merged.items() if value is not None}
    (folder / 'config.json').write_text(json.dumps(merged))


def _replaced(name: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for ours, theirs in pairs:
        name = name.replace(ours, theirs)
    return name


def _with_class_position(positions: Tensor) -> Tensor:
    """(1, P, D) to (1, 1 + P, D) whose first is added to the others."""
    first = torch.linspace(-1, 1, DIM).expand(1, 1, DIM)
    return torch.cat((first, positions - first), dim=1)


def _with_experts(state: Mapping[str, Tensor], experts: int, *, keep: bool) -> dict[str, Tensor]:
    result = dict(state)
    for name, value in state.items():
        if '.mlp.fc2.' in name:
            stem, _, kind = name.partition('.fc2.')
            result[name] = value if keep else value[:-EXPERT].clone()
            for number in range(experts):
                result[f'{stem}.experts.{number}.{kind}'] = value[-EXPERT:] + number
    return result
