"""Presets of teachers: published files, their addresses and SHA-256, and the facts that their graphs do not contain.

The facts are those of mmpose's configs of these networks (``model.data_preprocessor``, ``codec``, ``head.loss.beta``,
``GetBBoxCenterScale``), of `easy_ViTPose <https://github.com/JunkyByte/easy_ViTPose>`_, and of MoveNet's model cards.
Digests are of the file that is used, not of the archive it comes in. Those of ONNX files are published by projects that
pin them; the eight digits of a ``.pth`` are the ones that OpenMMLab put into its name. ``None``: none is published.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_OPENMMLAB = 'https://download.openmmlab.com/mmpose/v1/'
_RTMPOSE, _RTMW = f'{_OPENMMLAB}projects/rtmposev1/', f'{_OPENMMLAB}projects/rtmw/'
_VITPOSE_PTH = f'{_OPENMMLAB}body_2d_keypoint/topdown_heatmap/coco/'
_DWPOSE = 'https://huggingface.co/yzd-v/DWPose/resolve/main/'
_EASY_VITPOSE = 'https://huggingface.co/JunkyByte/easy_ViTPose/resolve/main/onnx/'

_IMAGENET = dict(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375), channel_order='rgb', padding=1.25)
_SIMCC: dict[str, Any] = dict(kind='simcc', values='logits')
_VITPOSE_MAPS = dict(kind='heatmaps', grid='udp', sigma=2.0)
_SMALL, _LARGE = (192, 256), (288, 384)

ARCHIVED = 'end2end.onnx'
"""The network's name in the archives of OpenMMLab."""


@dataclass(frozen=True)
class Preset:
    """A published network: an ONNX file, or a checkpoint and the config that it belongs to."""

    name: str
    file: str
    """Its name below ``teacher_chkpts/``."""
    url: str | None
    """Where it is published, alone or in a zip archive; ``None`` if it is not published."""
    sha256: str | None
    """Of the file: all 64 digits or the first ones, ``None`` where none is published."""
    keypoints: str
    """The definition of its keypoints, a file of mmpose's ``configs/_base_/datasets/``."""
    input: dict[str, Any]
    """Of an ONNX file, see :class:`~distilpose.distillation.teachers.onnx.OnnxInput`."""
    outputs: dict[str, Any]
    """Of an ONNX file, see :class:`~distilpose.distillation.teachers.onnx.OnnxOutputs`."""
    config: str | None = None
    """Of a checkpoint."""
    also: tuple[str, ...] = ()
    """Names, without suffix, under which the same network goes around."""


def _onnx(name: str, stem: str, url: str | None, *, sha256: str | None = None, keypoints: str = 'coco',
          size: tuple[int, int] = _SMALL, outputs: dict[str, Any], input: dict[str, Any] = _IMAGENET,
          also: tuple[str, ...] = ()) -> Preset:
    return Preset(name, f'{stem}.onnx', url, sha256, keypoints, dict(input, size=size), outputs, also=also)


def _rtmpose(name: str, stem: str, sha256: str | None = None, **facts: Any) -> Preset:
    return _onnx(name, stem, f'{_RTMPOSE}onnx_sdk/{stem}.zip', sha256=sha256, outputs=dict(_SIMCC, beta=10.0), **facts)


def _rtmw(name: str, stem: str, *, beta: float, **facts: Any) -> Preset:
    return _onnx(name, stem, f'{_RTMW}onnx_sdk/{stem}.zip', keypoints='coco_wholebody',
                 outputs=dict(_SIMCC, beta=beta), **facts)


def _vitpose(size: str, sha256: str | None = None) -> Preset:
    return _onnx(f'vitpose-{size}', f'vitpose-{size}-coco', f'{_EASY_VITPOSE}coco/vitpose-{size}-coco.onnx',
                 sha256=sha256, input=dict(_IMAGENET, udp=True), outputs=_VITPOSE_MAPS)


def _vitpose_wholebody(size: str) -> Preset:
    stem = f'vitpose-{size}-wholebody'
    return _onnx(stem, stem, f'{_EASY_VITPOSE}wholebody/{stem}.onnx', keypoints='coco_wholebody',
                 input=dict(_IMAGENET, udp=True), outputs=_VITPOSE_MAPS)


def _movenet(kind: str, side: int, sigma: float) -> Preset:
    """Its own crops follow a person; in boxes, AP is best without padding: 53.4 instead of 46.5 with 1.25 (LSPET).

    The sigma of its heatmaps is measured.
    """
    return _onnx(f'movenet-{kind}', f'movenet_{kind}', None, size=(side, side),
                 input=dict(mean=(127.5,) * 3, std=(127.5,) * 3, channel_order='rgb', padding=1.0),
                 outputs=dict(kind='heatmaps', grid='i/n', sigma=sigma))


def _movenet_points(kind: str, side: int) -> Preset:
    return _onnx(f'movenet-{kind}-points', f'movenet-singlepose-{kind}',
                 f'https://huggingface.co/Xenova/movenet-singlepose-{kind}/resolve/main/onnx/model.onnx',
                 size=(side, side), input=dict(mean=(0.0,) * 3, std=(1.0,) * 3, channel_order='rgb', layout='nhwc',
                                               padding=1.0),
                 outputs=dict(kind='coordinates', unit='fractions', columns=('y', 'x', 'score')))


def _checkpoint(name: str, url: str, sha256: str | None, config: str, keypoints: str = 'coco') -> Preset:
    return Preset(f'{name}.pth', url.rpartition('/')[2], url, sha256, keypoints, {}, {}, config=f'mmpose::{config}')


def _presets() -> Iterator[Preset]:
    body, halpe = 'simcc-body7_pt-body7', 'simcc-body7_pt-body7-halpe26_700e'
    yield _rtmpose('rtmpose-t', f'rtmpose-t_{body}_420e-256x192-026a1439_20230504')
    yield _rtmpose('rtmpose-s', f'rtmpose-s_{body}_420e-256x192-acd4a1ef_20230504',
                   '9aeb635b83f86aea45cf45d85798f7eba1a162de8e0d721c44e54fe5eebaf47d')
    yield _rtmpose('rtmpose-m', f'rtmpose-m_{body}_420e-256x192-e48f03d0_20230504',
                   '5c0a4bf67953e6d2ac43ce15e77dc9d5d354ae18430a47d2c5963a7bc5683e3c')
    yield _rtmpose('rtmpose-l', f'rtmpose-l_{body}_420e-256x192-4dba18fc_20230504',
                   'cff059fd58a2c0d5fabaddcd66a96abcfb327563bcb0149ea59c9de4a8990fe2')
    yield _rtmpose('rtmpose-m-384', f'rtmpose-m_{body}_420e-384x288-65e718c4_20230504', size=_LARGE)
    yield _rtmpose('rtmpose-l-384', f'rtmpose-l_{body}_420e-384x288-3f5a1437_20230504',
                   '62425affc6b9edba8f8a65f55f5e278fec5d905d0c90578e0f8503bdf3954587', size=_LARGE)
    yield _rtmpose('rtmpose-x-384', f'rtmpose-x_{body}_700e-384x288-71d7b7e9_20230629',
                   'df0c0fa91e9870b1515dcaff741fd76cc753dcfb12786862f61b243bae81cd52', size=_LARGE)

    for size, ending, sha256, box in (
            ('t', '256x192-6020f8a6_20230605', None, _SMALL),
            ('s', '256x192-7f134165_20230605', None, _SMALL),
            ('m', '256x192-4d3e73dd_20230605', '26f3a19e61304a600dfb82d1001d41d24343b89fc70a33ffc84657e0b0bf2ecf',
             _SMALL),
            ('l', '256x192-2abb7558_20230605', None, _SMALL),
            ('m', '384x288-89e6428b_20230605', None, _LARGE),
            ('l', '384x288-734182ce_20230605', None, _LARGE),
            ('x', '384x288-7fb6e239_20230606', None, _LARGE)):
        name = f'rtmpose-{size}-halpe26{"-384" if box == _LARGE else ""}'
        yield _rtmpose(name, f'rtmpose-{size}_{halpe}-{ending}', sha256, keypoints='halpe26', size=box)

    yield _rtmpose('rtmpose-m-hand', 'rtmpose-m_simcc-hand5_pt-aic-coco_210e-256x256-74fb594_20230320',
                   keypoints='coco_wholebody_hand', size=(256, 256))

    for size, ending in (('t', 'dcf277bf'), ('s', '3fd922c8'), ('m', 'c8b76419'), ('l', '4d6dfc62')):
        yield _rtmpose(f'dwpose-{size}', f'rtmpose-{size}_simcc-ucoco_dw-ucoco_270e-256x192-{ending}_20230728',
                       keypoints='coco_wholebody', also=(f'dw-{size * 2}_ucoco',))
    yield _onnx('dwpose-l-384', 'dw-ll_ucoco_384', f'{_DWPOSE}dw-ll_ucoco_384.onnx', keypoints='coco_wholebody',
                sha256='724f4ff2439ed61afb86fb8a1951ec39c6220682803b4a8bd4f598cd913b1843', size=_LARGE,
                outputs=dict(_SIMCC, beta=10.0))
    yield _rtmpose('dwpose-l-384-sdk', 'rtmpose-l_simcc-ucoco_dw-ucoco_270e-384x288-2438fd99_20230728',
                   keypoints='coco_wholebody', size=_LARGE)

    yield _rtmw('rtmw-m', 'rtmw-dw-l-m_simcc-cocktail14_270e-256x192_20231122', beta=1.0)
    yield _rtmw('rtmw-l', 'rtmw-dw-x-l_simcc-cocktail14_270e-256x192_20231122', beta=1.0)
    yield _rtmw('rtmw-l-384', 'rtmw-dw-x-l_simcc-cocktail14_270e-384x288_20231122', beta=1.0, size=_LARGE)
    yield _rtmw('rtmw-x-384', 'rtmw-x_simcc-cocktail13_pt-ucoco_270e-384x288-0949e3a9_20230925', beta=10.0, size=_LARGE)

    yield _vitpose('s')
    yield _vitpose('b', '26e215fd6e27305824f13db0a0d0b597c3c4adf030dd66cbadf2228256f4af25')
    yield _vitpose('l')
    yield from map(_vitpose_wholebody, ('s', 'b', 'l'))

    for kind, side, sigma in (('thunder', 256, 1.4), ('lightning', 192, 1.2)):
        yield _movenet(kind, side, sigma)
        yield _movenet_points(kind, side)

    body8, wholebody = 'body_2d_keypoint/rtmpose/body8/rtmpose', 'wholebody_2d_keypoint/rtmpose/'
    for size, crop, ending in (
            ('t', '256x192', '026a1439'), ('s', '256x192', 'acd4a1ef'), ('m', '256x192', 'e48f03d0'),
            ('l', '256x192', '4dba18fc'), ('m', '384x288', '65e718c4'), ('l', '384x288', '3f5a1437')):
        yield _checkpoint(f'rtmpose-{size}{"-384" if crop == "384x288" else ""}',
                          f'{_RTMPOSE}rtmpose-{size}_{body}_420e-{crop}-{ending}_20230504.pth', ending,
                          f'{body8}-{size}_8xb256-420e_body8-{crop}.py')
    # The digits in the name of rtmpose-m's file are not those of the file that others found there.
    for size, crop, batch, ending, date, digits in (('m', '256x192', 64, 'cd5e845c', '20230123', None),
                                                    ('l', '256x192', 64, '6f206314', '20230124', '6f206314'),
                                                    ('l', '384x288', 32, 'eaeb96c8', '20230125', 'eaeb96c8')):
        yield _checkpoint(f'rtmpose-{size}-wholebody{"-384" if crop == "384x288" else ""}',
                          f'{_RTMPOSE}rtmpose-{size}_simcc-coco-wholebody_pt-aic-coco_270e-{crop}-{ending}_{date}.pth',
                          digits, f'{wholebody}coco-wholebody/rtmpose-{size}_8xb{batch}-270e_coco-wholebody-{crop}.py',
                          'coco_wholebody')
    yield _checkpoint('rtmw-x-384', f'{_RTMW}rtmw-x_simcc-cocktail14_pt-ucoco_270e-384x288-f840f204_20231122.pth',
                      'f840f2044fe46cb3821b7cea86be83e1f6cba406ccd28f5475ac010412dcda95',
                      f'{wholebody}cocktail14/rtmw-x_8xb320-270e_cocktail14-384x288.py', 'coco_wholebody')
    for size, ending in (('small', '62d7a712'), ('base', '216eae50'), ('large', '53609f55'), ('huge', 'e32adcd4')):
        stem = f'td-hm_ViTPose-{size}_8xb64-210e_coco-256x192'
        yield _checkpoint(f'vitpose-{size[0]}', f'{_VITPOSE_PTH}{stem}-{ending}_20230314.pth', ending,
                          f'body_2d_keypoint/topdown_heatmap/coco/{stem}.py')


PRESETS: dict[str, Preset] = {preset.name: preset for preset in _presets()}
"""All presets by name."""
