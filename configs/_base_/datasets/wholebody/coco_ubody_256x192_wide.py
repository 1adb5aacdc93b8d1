# The same with boxes that are scaled and rotated more, in all epochs, as mmpose does, and DWPose for RTMPose-x.
_base_ = 'coco_ubody_256x192.py'

from distilpose.data_config import replace_steps

train_pipeline = replace_steps(
    _base_.train_pipeline, dict(type='RandomBBoxTransform', scale_factor=(0.5, 1.5), rotate_factor=90))
final_pipeline = replace_steps(
    _base_.final_pipeline, dict(type='RandomBBoxTransform', shift_factor=0.0, scale_factor=(0.5, 1.5),
                                 rotate_factor=90))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
