# Synthetic people for RTMPose, 128x96, on a CPU: small crops and batches, light augmentation, boxes as annotated.
# python tools/make_synthetic_people.py data/synthetic_people --images 2000 --seed 0
_base_ = 'coco_256x192.py'

from distilpose.data_config import replace_steps

data_root = '{{ fileDirname }}'.rsplit('/', 4)[0] + '/data/synthetic_people/'
codec = dict(type='SimCCLabel', input_size=(96, 128), sigma=(3.46, 4.0), simcc_split_ratio=2.0, normalize=False,
             use_dark=False)

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform', shift_factor=0.05, scale_factor=(0.85, 1.15), rotate_factor=20),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='YOLOXHSVRandomAug'),
    dict(type='CoarseDropout', prob=0.5),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
final_pipeline = replace_steps(
    train_pipeline,
    dict(type='RandomBBoxTransform', shift_factor=0.0, scale_factor=(0.9, 1.1), rotate_factor=10),
    dict(type='CoarseDropout', prob=0.25))
val_pipeline = replace_steps(_base_.val_pipeline, dict(type='TopdownAffine', input_size=codec['input_size']))

train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    drop_last=True,
    dataset=dict(data_root=data_root, ann_file='annotations/coco_wholebody_train.json',
                 data_prefix=dict(img='images/train/'), pipeline=train_pipeline))
val_dataloader = dict(
    num_workers=1,
    dataset=dict(data_root=data_root, ann_file='annotations/coco_wholebody_val.json',
                 data_prefix=dict(img='images/val/'), bbox_file=None, pipeline=val_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(ann_file=data_root + 'annotations/coco_wholebody_val.json')
test_evaluator = val_evaluator
