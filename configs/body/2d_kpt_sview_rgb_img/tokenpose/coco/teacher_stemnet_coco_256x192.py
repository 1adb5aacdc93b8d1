# TokenPose with DistilPose-S's stem on COCO, 256x192, on 8 GPUs.
_base_ = ['../../../../_base_/datasets/coco_256x192_heatmap.py',
          '../../../../_base_/schedules/adam_300e.py',
          '../../../../_base_/models/tokenpose_stemnet.py',
          '../../../../_base_/runtime/default.py']

from distilpose.data_config import change_step

train_pipeline = change_step(_base_.train_pipeline, 'RandomScaleRotation', scale_factor=0.35, rotation_factor=45)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
