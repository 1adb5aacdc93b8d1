# LSPET (Leeds Sports Pose Extended) in MPII's form for heatmaps, 64x64, without pelvis and thorax: small crops and
# batches for a laptop, Gaussians around the exact keypoint, mild augmentation. There are no worker processes, so that
# two trainings share two cores.
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
