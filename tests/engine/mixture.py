"""A distillation on labelled data and a folder of images of every kind."""

from __future__ import annotations

from pathlib import Path

from tests.datasets import odd_images

from . import tiny

FILES = {**odd_images.readable(), **odd_images.unreadable(), **odd_images.tiny()}

MULTI_SOURCE = "dict(_delete_=True, type='MultiSourceSampler', batch_size=4, source_ratio=[1, 1])"
AS_IT_COMES = "dict(type='DefaultSampler', shuffle=True)"

_MIXTURE = """
_base_ = {distillation!r}
metainfo = dict(from_file='configs/_base_/datasets/coco.py')
labelled = dict(_base_.train_dataloader.dataset, pipeline=[])
train_dataloader = dict(
    num_workers={workers}, persistent_workers={workers} > 0, sampler={sampler},
    dataset=dict(
        _delete_=True, type='CombinedDataset', metainfo=metainfo,
        datasets=[labelled, dict(type='UnlabelledImages', data_root={images!r}, metainfo=metainfo)],
        pipeline=[*_base_.train_pipeline[:-1], dict(type='PackMixedPoseInputs')]))
log_processor = dict(window_size=1)
"""


def write(folder: Path, data: Path, *, workers: int = 0, sampler: str = MULTI_SOURCE) -> Path:
    """A config of 2 epochs over 12 labelled and 19 other images, 8 of which cannot be used."""
    _, distillation = tiny.write_distillation(folder, data)
    images = odd_images.write(folder / 'unlabelled', FILES)
    file = folder / 'mixture.py'
    file.write_text(_MIXTURE.format(distillation=str(distillation), workers=workers, sampler=sampler,
                                    images=str(images)))
    return file
