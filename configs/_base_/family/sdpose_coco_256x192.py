# Data, schedule, terms and runtime of SDPose on COCO, 256x192.
_base_ = ['../datasets/coco_256x192_heatmap.py', '../schedules/adam_300e.py', '../methods/sdpose.py',
          '../runtime/default.py']

from distilpose.data_config import change_step

train_pipeline = change_step(_base_.train_pipeline, 'RandomScaleRotation', scale_factor=0.35, rotation_factor=45)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
auto_scale_lr = dict(base_batch_size=512)
