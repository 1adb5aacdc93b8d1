# Classes, 2 a pixel, for images of 192x256 (width x height).
_base_ = 'coco.py'

codec = dict(type='SimDRLabel', input_size=(192, 256), simdr_split_ratio=2)
affine = dict(type='TopdownAffine', input_size=(192, 256))

train_pipeline = _base_.train_pipeline
train_pipeline[5:7] = [affine, dict(type='GenerateTarget', encoder=codec)]
val_pipeline = _base_.val_pipeline
val_pipeline[2] = affine
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(keypoint_score_thr=0.01)
test_evaluator = val_evaluator
