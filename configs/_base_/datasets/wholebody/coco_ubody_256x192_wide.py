# The same with boxes that are scaled and rotated more, in all epochs, as mmpose does, and DWPose for RTMPose-x.
_base_ = 'coco_ubody_256x192.py'

train_pipeline = _base_.train_pipeline
train_pipeline[4] = dict(type='RandomBBoxTransform', scale_factor=(0.5, 1.5), rotate_factor=90)
final_pipeline = _base_.final_pipeline
final_pipeline[4] = dict(type='RandomBBoxTransform', shift_factor=0.0, scale_factor=(0.5, 1.5), rotate_factor=90)

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
