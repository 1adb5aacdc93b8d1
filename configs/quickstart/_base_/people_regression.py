# Synthetic people in COCO form, small crops, light augmentation; tested with the boxes of the annotation.
data_mode = 'topdown'
dataset_type = 'CocoDataset'
data_root = '{{ fileDirname }}'.rsplit('/', 3)[0] + '/data/synthetic_people/'
codec = dict(type='RegressionLabel', input_size=(64, 96))

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomScaleRotation', scale_factor=0.15, rotation_factor=15, rotation_prob=0.5),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs'),
]

train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type=dataset_type, data_mode=data_mode, data_root=data_root,
                 ann_file='annotations/person_keypoints_train.json', data_prefix=dict(img='images/train/'),
                 pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=32,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(type=dataset_type, data_mode=data_mode, data_root=data_root,
                 ann_file='annotations/person_keypoints_val.json', data_prefix=dict(img='images/val/'),
                 test_mode=True, pipeline=val_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(type='CocoMetric', ann_file=data_root + 'annotations/person_keypoints_val.json')
test_evaluator = val_evaluator
