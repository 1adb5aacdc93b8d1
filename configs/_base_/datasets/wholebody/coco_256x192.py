# COCO-WholeBody for RTMPose, 256x192, with DWPose's augmentation. final_pipeline is for the last epochs.
_base_ = '../coco_256x192_regression.py'

from distilpose.data_config import replace_steps

dataset_type = 'CocoWholeBodyDataset'
codec = dict(type='SimCCLabel', input_size=(192, 256), sigma=(4.9, 5.66), simcc_split_ratio=2.0, normalize=False,
             use_dark=False)

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomHalfBody'),
    dict(type='RandomBBoxTransform', scale_factor=(0.6, 1.4), rotate_factor=80),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='YOLOXHSVRandomAug'),
    dict(type='RandomBlur', kind='mean', prob=0.1),
    dict(type='RandomBlur', kind='median', prob=0.1),
    dict(type='CoarseDropout', prob=1.0),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
final_pipeline = replace_steps(
    train_pipeline,
    dict(type='RandomBBoxTransform', shift_factor=0.0, scale_factor=(0.75, 1.25), rotate_factor=60),
    dict(type='CoarseDropout', prob=0.5))

train_dataloader = dict(
    batch_size=64,
    dataset=dict(type=dataset_type, ann_file='annotations/coco_wholebody_train_v1.0.json', pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=32,
    dataset=dict(type=dataset_type, ann_file='annotations/coco_wholebody_val_v1.0.json'))
test_dataloader = val_dataloader

val_evaluator = dict(type='WholeBodyPartsMetric',
                     ann_file=_base_.data_root + 'annotations/coco_wholebody_val_v1.0.json')
test_evaluator = val_evaluator
