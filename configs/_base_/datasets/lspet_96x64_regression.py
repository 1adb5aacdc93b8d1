# LSPET (Leeds Sports Pose Extended) in COCO's form for regression, 96x64: 12 of the 17 keypoints, small crops and
# batches for a laptop, and an augmentation for a few thousand people.
_base_ = 'coco_256x192_regression.py'

from distilpose.data_config import with_augmentation, with_codec

data_root = '{{ fileDirname }}'.rsplit('/', 3)[0] + '/data/lspet/'
codec = dict(type='RegressionLabel', input_size=(64, 96))
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)
train_pipeline, train_dataloader = with_augmentation(
    dict(train_pipeline=train_pipeline),
    [dict(type='RandomScaleRotation', scale_factor=0.2, rotation_factor=20, rotation_prob=0.6)])

train_dataloader.update(batch_size=16, num_workers=2)
train_dataloader['dataset'].update(
    data_root=data_root, ann_file='annotations/person_keypoints_train.json', data_prefix=dict(img='images/'))
val_dataloader.update(num_workers=2)
val_dataloader['dataset'].update(
    data_root=data_root, ann_file='annotations/person_keypoints_val.json', data_prefix=dict(img='images/'),
    bbox_file=None)
test_dataloader = val_dataloader

val_evaluator = dict(ann_file=data_root + 'annotations/person_keypoints_val.json')
test_evaluator = val_evaluator
