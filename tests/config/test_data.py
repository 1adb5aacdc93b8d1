"""Pipelines changed by the types of their steps, and what becomes of a config that does it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from distilpose.config import PROJECT_ROOT, load_config
from distilpose.config.data import change_step, replace_steps, with_augmentation, with_codec, with_fast_data
from distilpose.engine import check_input_sizes, merge_options, read_config
from distilpose.errors import DistilPoseError

CODEC = dict(type='SimDRLabel', input_size=(64, 96))
SIMDR = 'configs/body/2d_kpt_sview_rgb_img/simdr'
LEAVES = [f'{SIMDR}/coco/simdr_hrnet_w32_coco_64x64.py', f'{SIMDR}/coco/sa_simdr_res50_coco_384x288.py',
          f'{SIMDR}/mpii/heatmap_hrnet_w32_mpii_256x256.py',
          'configs/body/2d_kpt_sview_rgb_img/tokenpose/coco/teacher_hr48_udp_coco_256x192.py']


def pipeline(*types: str) -> list[dict[str, Any]]:
    return [dict(type=kind, old=True) for kind in types]


BASE = dict(
    train_pipeline=pipeline('LoadImage', 'RandomBBoxCenterShift', 'RandomFlip', 'RandomHalfBody', 'RandomScaleRotation',
                            'TopdownAffine', 'GenerateTarget', 'PackPoseInputs'),
    val_pipeline=pipeline('LoadImage', 'TopdownAffine', 'PackPoseInputs'),
    train_dataloader=dict(dataset=dict(type='CocoDataset')))


def types_of(steps: list) -> list[str]:
    return [step['type'] for step in steps]


@pytest.mark.parametrize('use_udp', [False, True])
def test_a_codec_sets_the_crops_and_the_targets_and_nothing_else(use_udp: bool) -> None:
    base = copy.deepcopy(BASE)
    train, val, train_loader, val_loader, test_loader = with_codec(base, CODEC, use_udp=use_udp)
    crop = dict(type='TopdownAffine', input_size=(64, 96), **(dict(use_udp=True) if use_udp else {}))
    assert train[5:7] == [crop, dict(type='GenerateTarget', encoder=CODEC)] and val[1] == crop
    assert train[:5] + train[7:] == BASE['train_pipeline'][:5] + BASE['train_pipeline'][7:]
    assert val[::2] == BASE['val_pipeline'][::2]
    assert train_loader == dict(dataset=dict(pipeline=train))
    assert val_loader == test_loader == dict(dataset=dict(pipeline=val))
    assert base == BASE  # other configs read it as well


def test_an_augmentation_takes_the_place_of_all_that_changes_the_box() -> None:
    steps = pipeline('RandomBBoxTransform', 'Albumentation')
    train, loader = with_augmentation(BASE, steps)
    assert types_of(train) == ['LoadImage', 'RandomFlip', 'RandomBBoxTransform', 'Albumentation', 'TopdownAffine',
                               'GenerateTarget', 'PackPoseInputs']
    assert loader == dict(dataset=dict(pipeline=train)) and len(BASE['train_pipeline']) == 8


def test_steps_are_replaced_where_they_are() -> None:
    new = [dict(type='PackPoseInputs'), dict(type='LoadImage')]
    assert replace_steps(BASE['val_pipeline'], *new) == [new[1], BASE['val_pipeline'][1], new[0]]


def test_options_of_a_step_are_changed_and_the_others_stay() -> None:
    load, *others = BASE['val_pipeline']
    assert change_step(BASE['val_pipeline'], 'LoadImage', new=1) == [dict(load, new=1), *others] and 'new' not in load


@pytest.mark.parametrize('types, words', [
    (('LoadImage', 'PackPoseInputs'), 'one step of type TopdownAffine, and this one has 0: LoadImage, PackPoseInputs'),
    (('TopdownAffine', 'TopdownAffine'), 'this one has 2: TopdownAffine, TopdownAffine'),
])
def test_a_pipeline_without_the_step_or_with_two_is_a_sentence(types: tuple[str, ...], words: str) -> None:
    base = dict(train_pipeline=pipeline(*types), val_pipeline=pipeline(*types))
    for change in (lambda: with_codec(dict(BASE, val_pipeline=base['val_pipeline']), CODEC),
                   lambda: with_codec(dict(base, val_pipeline=BASE['val_pipeline']), CODEC),
                   lambda: with_augmentation(base, []),
                   lambda: replace_steps(base['val_pipeline'], dict(type='TopdownAffine')),
                   lambda: change_step(base['val_pipeline'], 'TopdownAffine', old=False)):
        with pytest.raises(DistilPoseError, match=words):
            change()


@pytest.mark.parametrize('path', LEAVES, ids=lambda path: Path(path).stem)
def test_a_config_keeps_what_was_made_and_not_the_maker(path: str, tmp_path: Path) -> None:
    """What a run writes to its folder reads as the config itself, without the import."""
    config = load_config(path)
    config.dump(tmp_path / 'config.py')
    text = (tmp_path / 'config.py').read_text()
    assert 'data_config' not in text and 'with_' not in text
    again = Config.fromfile(tmp_path / 'config.py')
    assert again.to_dict() == config.to_dict() and not callable(again.get('with_codec'))


def test_options_reach_the_steps_and_a_changed_crop_is_refused() -> None:
    config = read_config(LEAVES[0])
    assert merge_options(config, {'train_dataloader.dataset.pipeline.3.prob': 0.5}) == []
    assert config.train_dataloader.dataset.pipeline[3].prob == 0.5
    check_input_sizes(config)
    with pytest.raises(DistilPoseError, match='codec.input_size has no effect'):
        merge_options(config, {'codec.input_size': (32, 32)})
    merge_options(config, {'val_dataloader.dataset.pipeline.2.input_size': (32, 32)})
    with pytest.raises(DistilPoseError, match='val_dataloader.dataset.pipeline.2..input_size is 32x32'):
        check_input_sizes(config)


def test_a_new_config_may_use_them(tmp_path: Path) -> None:
    (tmp_path / 'small.py').write_text(
        f'_base_ = {str(PROJECT_ROOT / LEAVES[0])!r}\n\nfrom distilpose.config.data import with_codec\n\n'
        'codec = dict(input_size=(48, 64))\n'
        'train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(\n'
        '    _base_, dict(_base_.codec, **codec))\n'
        'model = dict(head=dict(decoder=codec))\n')
    config = read_config(tmp_path / 'small.py')
    check_input_sizes(config)
    assert config.train_dataloader.dataset.pipeline[-2].encoder.to_dict() == config.codec.to_dict() == dict(
        type='SimDRLabel', input_size=(48, 64), simdr_split_ratio=3)


@pytest.mark.parametrize('together', [False, True])
@pytest.mark.parametrize('reduced', [False, True])
def test_fast_data_replaces_steps_where_they_are(reduced: bool, together: bool) -> None:
    base = copy.deepcopy(BASE)
    train, val, train_loader, val_loader, test_loader = with_fast_data(base, reduced=reduced, together=together)
    assert types_of(train) == ['LoadEncodedImage', *types_of(BASE['train_pipeline'])[1:5], 'DecodingTopdownAffine',
                               'GenerateTarget', 'PackTrainingInputs']
    assert types_of(val) == ['LoadImageOnce', 'TopdownAffine', 'PackPoseInputs']
    assert all(step['old'] for step in train + val)
    assert [step.get('reduced', False) for step in train].count(True) == reduced
    assert train[0].get('remember', False) == ('sampler' in train_loader) == together
    assert train_loader['dataset'] == dict(type='QuickCocoDataset', pipeline=train) and base == BASE
    assert val_loader == test_loader and val_loader['dataset'] == dict(pipeline=val)
    assert train_loader['collate_fn'] == val_loader['collate_fn'] == dict(type='compact_collate')


def test_fast_data_leaves_other_data_sets() -> None:
    base = dict(BASE, train_dataloader=dict(dataset=dict(type='ZeroBasedMpiiDataset')))
    assert set(with_fast_data(base)[2]['dataset']) == {'pipeline'}
