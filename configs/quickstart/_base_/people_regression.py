# Synthetic people in COCO's form for regression, 96x64, with light augmentation and boxes as annotated.
_base_ = '../../_base_/datasets/lspet_96x64_regression.py'

from distilpose.data_config import replace_steps

data_root = '{{ fileDirname }}'.rsplit('/', 3)[0] + '/data/synthetic_people/'
train_pipeline = replace_steps(
    _base_.train_pipeline, dict(type='RandomScaleRotation', scale_factor=0.15, rotation_factor=15, rotation_prob=0.5))

train_dataloader = dict(
    num_workers=1,
    drop_last=True,
    dataset=dict(data_root=data_root, data_prefix=dict(img='images/train/'), pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=32,
    num_workers=1,
    dataset=dict(data_root=data_root, data_prefix=dict(img='images/val/')))
test_dataloader = val_dataloader

val_evaluator = dict(ann_file=data_root + 'annotations/person_keypoints_val.json')
test_evaluator = val_evaluator
