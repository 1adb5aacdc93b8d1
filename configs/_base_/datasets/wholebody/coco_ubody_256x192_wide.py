# Boxes are scaled and rotated more, in all epochs, as in mmpose, and in DWPose for RTMPose-x.
_base_ = 'coco_ubody_256x192.py'

from distilpose.data_config import change_step

train_pipeline = change_step(_base_.train_pipeline, 'RandomBBoxTransform', scale_factor=(0.5, 1.5), rotate_factor=90)
final_pipeline = change_step(_base_.final_pipeline, 'RandomBBoxTransform', scale_factor=(0.5, 1.5), rotate_factor=90)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
