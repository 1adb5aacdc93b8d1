# Synthetic people in MPII's form for heatmaps, 64x64, with light augmentation and PCKh.
_base_ = '../../_base_/datasets/lspet_mpii_64x64_heatmap.py'

from distilpose.data_config import replace_steps

data_root = '{{ fileDirname }}'.rsplit('/', 3)[0] + '/data/synthetic_people/'
train_pipeline = replace_steps(
    _base_.train_pipeline, dict(type='RandomScaleRotation', scale_factor=0.15, rotation_factor=15, rotation_prob=0.5))

train_dataloader = dict(
    drop_last=True,
    dataset=dict(data_root=data_root, data_prefix=dict(img='images/train/'), pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(data_root=data_root, data_prefix=dict(img='images/val/')))
test_dataloader = val_dataloader
