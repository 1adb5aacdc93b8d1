# Leeds Sports Pose Extended in COCO form (12 of the 17 joints labelled), at a size that a laptop trains: small crops,
# small batches, and an augmentation that a few thousand people allow to learn from.
_base_ = 'coco_256x192_regression.py'

from distilpose.data_config import replace_steps

data_root = '{{ fileDirname }}'.rsplit('/', 3)[0] + '/data/lspet/'
codec = dict(type='RegressionLabel', input_size=(64, 96))

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomScaleRotation', scale_factor=0.2, rotation_factor=20, rotation_prob=0.6),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
val_pipeline = replace_steps(_base_.val_pipeline, dict(type='TopdownAffine', input_size=codec['input_size']))

train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    dataset=dict(data_root=data_root, ann_file='annotations/person_keypoints_train.json',
                 data_prefix=dict(img='images/'), pipeline=train_pipeline))
val_dataloader = dict(
    num_workers=2,
    dataset=dict(data_root=data_root, ann_file='annotations/person_keypoints_val.json',
                 data_prefix=dict(img='images/'), bbox_file=None, pipeline=val_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(ann_file=data_root + 'annotations/person_keypoints_val.json')
test_evaluator = val_evaluator
