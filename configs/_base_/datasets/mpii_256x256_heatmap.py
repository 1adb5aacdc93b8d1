# MPII for heatmaps, as published by FPD and by HRNet: boxes as annotated, no half bodies, PCKh on the validation split.
# Other data in MPII's form need another data_root.
_base_ = 'coco_256x192_regression.py'

from distilpose.data_config import with_augmentation, with_codec

dataset_type = 'ZeroBasedMpiiDataset'
data_root = '{{ fileDirname }}'.rsplit('/', 3)[0] + '/data/mpii/'
codec = dict(type='MSRAHeatmap', input_size=(256, 256), heatmap_size=(64, 64), sigma=2)
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)
train_pipeline, train_dataloader = with_augmentation(
    dict(train_pipeline=train_pipeline),
    [dict(type='RandomScaleRotation', scale_factor=0.25, rotation_factor=30, rotation_prob=0.6)])

train_dataloader['dataset'].update(
    type=dataset_type, data_root=data_root, ann_file='annot/train.json', data_prefix=dict(img='images/'))
val_dataloader['dataset'].update(
    _delete_=True, type=dataset_type, data_mode=_base_.data_mode, data_root=data_root, ann_file='annot/valid.json',
    headbox_file='annot/gt_valid.mat', data_prefix=dict(img='images/'), test_mode=True)
test_dataloader = val_dataloader

val_evaluator = dict(_delete_=True, type='PCKhMetric')
test_evaluator = val_evaluator
