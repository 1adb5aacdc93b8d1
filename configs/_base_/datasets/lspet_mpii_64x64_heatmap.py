# Leeds Sports Pose Extended in MPII's form (pelvis and thorax not labelled), at a size that a laptop trains: small
# crops, small batches, gaussians that are not rounded to a cell of 4x4 pixels, and a mild augmentation. Without loading
# processes: two cores are better used by two trainings.
_base_ = 'mpii_256x256_heatmap.py'

from distilpose.data_config import replace_steps, with_codec

data_root = '{{ fileDirname }}'.rsplit('/', 3)[0] + '/data/lspet/'
codec = dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=1.5, unbiased=True,
             blur_kernel_size=7)
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)
train_pipeline = replace_steps(
    train_pipeline, dict(type='RandomScaleRotation', scale_factor=0.2, rotation_factor=20, rotation_prob=0.6))

train_dataloader = dict(
    batch_size=16,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(data_root=data_root, ann_file='annot/val.json', headbox_file='annot/gt_val.mat',
                 pipeline=val_pipeline))
test_dataloader = val_dataloader
