# Gaussians with a sigma of 4 bins, 1.5 a pixel, for images of 288x384 (width x height).
_base_ = 'coco.py'

codec = dict(type='SimDRGaussianLabel', input_size=(288, 384), simdr_split_ratio=1.5, sigma=4)
affine = dict(type='TopdownAffine', input_size=(288, 384))

train_pipeline = _base_.train_pipeline
train_pipeline[5:7] = [affine, dict(type='GenerateTarget', encoder=codec)]
val_pipeline = _base_.val_pipeline
val_pipeline[2] = affine
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(keypoint_score_thr=0.005)
test_evaluator = val_evaluator
