# MPII's single people, augmented as SimDR and TokenPose do: less rotation and scaling than on COCO, no half bodies.
_base_ = 'coco.py'

dataset_type = 'MpiiDataset'
data_root = '{{ fileDirname }}'.rsplit('/', 4)[0] + '/data/mpii/'

train_pipeline = _base_.train_pipeline
train_pipeline.pop(3)
train_pipeline[3] = dict(type='RandomScaleRotation', scale_factor=0.25, rotation_factor=30, rotation_prob=0.6)
train_dataloader = dict(
    dataset=dict(type=dataset_type, data_root=data_root, ann_file='annotations/mpii_train.json',
                 data_prefix=dict(img='images/'), pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(type=dataset_type, data_root=data_root, ann_file='annotations/mpii_val.json', bbox_file=None,
                 headbox_file=data_root + 'annotations/mpii_gt_val.mat', data_prefix=dict(img='images/')))
test_dataloader = val_dataloader

val_evaluator = dict(_delete_=True, type='MpiiPCKAccuracy')
test_evaluator = val_evaluator
