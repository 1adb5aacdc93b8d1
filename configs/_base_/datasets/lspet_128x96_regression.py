# Leeds Sports Pose Extended in COCO form (12 of the 17 joints labelled), at a size that a laptop trains.
_base_ = 'coco_256x192_regression.py'

data_root = '{{ fileDirname }}'.rsplit('/', 3)[0] + '/data/lspet/'
codec = dict(type='RegressionLabel', input_size=(96, 128))

train_pipeline = _base_.train_pipeline
train_pipeline[6] = dict(type='TopdownAffine', input_size=codec['input_size'])
train_pipeline[7] = dict(type='GenerateTarget', encoder=codec)
val_pipeline = _base_.val_pipeline
val_pipeline[2] = dict(type='TopdownAffine', input_size=codec['input_size'])

train_dataloader = dict(
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
