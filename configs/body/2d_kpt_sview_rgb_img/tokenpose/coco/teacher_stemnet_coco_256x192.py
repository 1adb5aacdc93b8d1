# TokenPose with DistilPose-S's stem on COCO, 256x192, on 8 GPUs.
_base_ = [
    '../../../../_base_/datasets/coco_256x192_heatmap.py',
    '../../../../_base_/schedules/adam_300e.py',
    '../../../../_base_/models/tokenpose_stemnet.py',
    '../../../../_base_/runtime/default.py',
]

from distilpose.data_config import replace_steps

train_pipeline = replace_steps(
    _base_.train_pipeline, dict(type='RandomScaleRotation', scale_factor=0.35, rotation_factor=45, rotation_prob=0.6))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
