# COCO for heatmaps, 256x192: Gaussians around the exact keypoint, wider augmentation, 64 images a GPU.
_base_ = 'coco_256x192_regression.py'

from distilpose.data_config import replace_steps

codec = dict(type='MSRAHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2, unbiased=True,
             blur_kernel_size=11)

train_pipeline = replace_steps(
    _base_.train_pipeline,
    dict(type='RandomScaleRotation', scale_factor=0.5, rotation_factor=40, rotation_prob=0.6),
    dict(type='GenerateTarget', encoder=codec))

train_dataloader = dict(batch_size=64, dataset=dict(pipeline=train_pipeline))
