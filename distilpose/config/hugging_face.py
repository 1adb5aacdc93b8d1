"""Hugging Face folders: a pose network of transformers (``VitPoseForPoseEstimation``) as an mmpose config.

A folder holds ``config.json``, ``model.safetensors`` and perhaps ``preprocessor_config.json``. Only these are read:
neither pickled weights nor programs that a folder may have.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from distilpose.errors import DistilPoseError

CONFIG, WEIGHTS, PREPROCESSOR = 'config.json', 'model.safetensors', 'preprocessor_config.json'
PADDING = 1.25
"""Factor of the person's box in transformers' image processor, as in mmpose's ``GetBBoxCenterScale``."""
_COCO = 'configs/_base_/datasets/coco.py'
_BACKBONE: dict[str, Any] = dict(
    model_type='vitpose_backbone', image_size=(256, 192), patch_size=(16, 16), num_channels=3, hidden_size=768,
    num_hidden_layers=12, num_attention_heads=12, mlp_ratio=4, hidden_act='gelu', layer_norm_eps=1e-12, qkv_bias=True)
"""What transformers takes for granted; its files leave such values out."""
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_CLASSIC_FACTOR = 4
_SIDES = {'l': 'left', 'r': 'right'}


def is_hugging_face(path: str | Path) -> bool:
    """Whether a path is a folder with ``config.json``."""
    return (Path(path) / CONFIG).is_file()


def weights_of(folder: str | Path) -> Path:
    """The file of a folder's weights.

    Raises:
        DistilPoseError: it has none in the safetensors format; names what it has instead.
    """
    file = Path(folder) / WEIGHTS
    if file.is_file():
        return file
    others = sorted(entry.name for entry in Path(folder).iterdir()
                    if entry.suffix in ('.bin', '.safetensors', '.pt', '.pth') or entry.name.endswith('.index.json'))
    found = f'has only {", ".join(others)}' if others else 'has no weights'
    raise DistilPoseError(f'{folder} {found}; expected {WEIGHTS}, one file. Download it, or load the folder with '
                          "transformers and save it again: model.save_pretrained(FOLDER, max_shard_size='50GB')")


def read_hugging_face(folder: str | Path) -> Config:
    """The config of a folder: its ``model``, an mmpose estimator whose ``metainfo`` names its keypoints.

    Raises:
        DistilPoseError: a file is damaged, it is another network, or one of its settings is not known.
    """
    file = Path(folder) / CONFIG
    config = _read(file)
    if config.get('model_type') != 'vitpose':
        raise DistilPoseError(f'{file} is the config of a network of the type {config.get("model_type")!r}; expected '
                              "'vitpose' (VitPoseForPoseEstimation). Take a folder of that network, or an ONNX file of "
                              'this one')
    backbone = {**_BACKBONE, **_mapping(config.get('backbone_config') or {}, file, 'backbone_config')}
    _check(backbone, file)
    try:
        return Config(dict(model=_model(config, backbone, file)))
    except DistilPoseError:
        raise
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise DistilPoseError(f'{file} has a setting that is not what it should be ({error}); download it '
                              'again') from error


def _model(config: Mapping[str, Any], backbone: Mapping[str, Any], file: Path) -> dict[str, Any]:
    height, width = _pair(backbone['image_size'])
    rows, columns = (side // patch for side, patch in zip((height, width), _pair(backbone['patch_size']), strict=True))
    is_simple = bool(config.get('use_simple_decoder', True))
    factor = int(config.get('scale_factor', 4)) if is_simple else _CLASSIC_FACTOR
    labels = _labels(config)
    channels = int(backbone['hidden_size'])
    network = dict(
        type='TopdownPoseEstimator', data_preprocessor=_preprocessor(file.parent, size=(width, height)),
        backbone=dict(
            type='mmpose.VisionTransformer',
            arch=dict(embed_dims=channels, num_layers=int(backbone['num_hidden_layers']),
                      num_heads=int(backbone['num_attention_heads']),
                      feedforward_channels=int(channels * backbone['mlp_ratio'])),
            img_size=(height, width), patch_size=_pair(backbone['patch_size']), qkv_bias=bool(backbone['qkv_bias']),
            norm_cfg=dict(type='LN', eps=float(backbone['layer_norm_eps'])), patch_cfg=dict(padding=2)),
        head=dict(
            type='HeatmapHead', in_channels=channels, out_channels=len(labels),
            loss=dict(type='KeypointMSELoss', use_target_weight=True),
            decoder=dict(type='UDPHeatmap', input_size=(width, height), sigma=2,
                         heatmap_size=(columns * factor, rows * factor)), **_decoder(is_simple)),
        test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=False))
    if is_simple:
        network['neck'] = dict(type='FeatureMapProcessor', scale_factor=float(factor), apply_relu=True)
    metainfo = _metainfo(labels)
    return network if metainfo is None else dict(network, metainfo=metainfo)


def _decoder(is_simple: bool) -> dict[str, Any]:
    """Arguments of the head: bilinear upsampling and a 3x3 convolution, or two deconvolutions and one of 1x1."""
    if is_simple:
        return dict(deconv_out_channels=(), deconv_kernel_sizes=(), final_layer=dict(kernel_size=3, padding=1))
    return dict(deconv_out_channels=(256, 256), deconv_kernel_sizes=(4, 4))


def _preprocessor(folder: Path, *, size: tuple[int, int]) -> dict[str, Any]:
    """mmpose's data preprocessor with the folder's means, or ImageNet's where it has none."""
    file = folder / PREPROCESSOR
    options = _read(file) if file.is_file() else {}
    off = [name for name in ('do_rescale', 'do_normalize') if not options.get(name, True)]
    scale = options.get('rescale_factor', 1 / 255)
    found = options.get('size') or dict(width=size[0], height=size[1])
    if off or not math.isclose(scale, 1 / 255, rel_tol=1e-3):
        raise DistilPoseError(f'{file} has {off[0] if off else "rescale_factor"}={False if off else scale}; expected '
                              'pixels that are divided by 255 and normalised. Remove the file if the network takes '
                              'those')
    found = _mapping(found, file, 'size')
    if (found.get('width'), found.get('height')) != size:
        raise DistilPoseError(f'{file} has images of {found.get("width")}x{found.get("height")} (width x height), and '
                              f'{CONFIG} of {size[0]}x{size[1]}; make them agree')
    mean, std = (_three(options.get(name, default), file, name)
                 for name, default in (('image_mean', _MEAN), ('image_std', _STD)))
    return dict(type='PoseDataPreprocessor', mean=mean, std=std, bgr_to_rgb=True)


def _three(values: Any, file: Path, name: str) -> list[float]:
    is_numbers = isinstance(values, Sequence) and all(isinstance(each, (int, float)) for each in values)
    if not is_numbers or len(values) != 3:
        raise DistilPoseError(f'{file} has {name}={values!r}; expected three numbers')
    return [255 * value for value in values]


def _labels(config: Mapping[str, Any]) -> list[str]:
    """Names of ``id2label``, in the order of the keypoints."""
    labels = config.get('id2label')
    if labels:
        return [str(labels[key]) for key in sorted(labels, key=int)]
    return [f'LABEL_{index}' for index in range(int(config.get('num_labels', 2)))]


def _metainfo(labels: Sequence[str]) -> dict[str, Any] | None:
    """mmpose's description of keypoints of these names; ``None`` for the labels of a file that names none."""
    if any(re.fullmatch(r'LABEL_\d+', label) for label in labels):
        return None
    names = [_name(label) for label in labels]
    if names == list(parse_pose_metainfo(dict(from_file=_COCO))['keypoint_id2name'].values()):
        return dict(from_file=_COCO)
    info = {index: dict(name=name, id=index, color=[255, 255, 255], type='', swap=_swapped(name, names))
            for index, name in enumerate(names)}
    return dict(dataset_name='hugging_face', keypoint_info=info, skeleton_info={},
                joint_weights=[1.0] * len(names), sigmas=[0.05] * len(names))


def _name(label: str) -> str:
    """``'L_Eye'`` as ``'left_eye'``, the way that mmpose's data sets write names."""
    words = re.sub(r'[\s-]+', '_', label.strip()).lower().split('_')
    return '_'.join([_SIDES.get(words[0], words[0]), *words[1:]])


def _swapped(name: str, names: Sequence[str]) -> str:
    one, other = ('left_', 'right_') if name.startswith('left_') else ('right_', 'left_')
    partner = other + name.removeprefix(one)
    return partner if name.startswith(one) and partner in names else ''


def _check(backbone: Mapping[str, Any], file: Path) -> None:
    """Refuses what the network here does not have."""
    expected = dict(model_type='vitpose_backbone', num_channels=3, hidden_act='gelu')
    for name, value in expected.items():
        if backbone[name] != value:
            raise DistilPoseError(f'{file} has backbone_config.{name}={backbone[name]!r}; distilpose reads '
                                  f'ViTPose with {value!r}. Take another network, or an ONNX file of this one')
    depth = backbone['num_hidden_layers']
    stages = [*(backbone.get('out_indices') or ()), *(backbone.get('out_features') or ())]
    others = [stage for stage in stages if stage not in (depth, -1, f'stage{depth}')]
    if others:
        raise DistilPoseError(f'{file} takes the features of {others[0]!r} in backbone_config; distilpose reads '
                              f'those of the last of its {depth} layers. Take a network that was trained with them')


def _pair(value: Any) -> tuple[int, int]:
    """(height, width) of one number or two."""
    first, second = value if isinstance(value, Sequence) else (value, value)
    return int(first), int(second)


def _mapping(value: Any, file: Path, entry: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise DistilPoseError(f'{file} has {entry}={value!r}; expected a JSON object. Download the file again')
    return value


def _read(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_text(encoding='utf-8'))
    except (OSError, ValueError, RecursionError) as error:
        raise DistilPoseError(f'{file} cannot be read as JSON ({error}); download it again') from error
    if not isinstance(found, Mapping):
        raise DistilPoseError(f'{file} holds a {type(found).__name__}; expected a JSON object. Download it again')
    return found
