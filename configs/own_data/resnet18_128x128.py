# Heatmaps with ResNet-18 on data of your own, 128x128, on a CPU; `distilpose init` inherits it.
# The network is slim and starts from random weights: nothing is downloaded, and some hundred annotations are enough.
_base_ = ['../_base_/datasets/coco_256x192_regression.py',
          '../_base_/schedules/adamw_100e.py',
          '../_base_/runtime/default.py']

from distilpose.data_config import with_augmentation, with_codec

codec = dict(type='MSRAHeatmap', input_size=(128, 128), heatmap_size=(32, 32), sigma=1.5, unbiased=True,
             blur_kernel_size=7)
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)
train_pipeline, train_dataloader = with_augmentation(
    dict(train_pipeline=train_pipeline),
    [dict(type='RandomScaleRotation', scale_factor=0.25, rotation_factor=30, rotation_prob=0.6)])
train_dataloader.update(batch_size=16, num_workers=2)
val_dataloader.update(num_workers=2)
test_dataloader = val_dataloader

model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='PoseDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375],
                           bgr_to_rgb=True),
    backbone=dict(type='ResNet', depth=18, stem_channels=16, base_channels=16, num_stages=3, strides=(1, 2, 2),
                  dilations=(1, 1, 1), out_indices=(2, )),
    head=dict(type='HeatmapHead', in_channels=64, out_channels=17, deconv_out_channels=(64, 64),
              deconv_kernel_sizes=(4, 4), loss=dict(type='KeypointMSELoss', use_target_weight=True), decoder=codec),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True))
default_hooks = dict(checkpoint=dict(interval=10))
