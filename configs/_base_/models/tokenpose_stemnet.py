# The token heatmap head on the convolutional stem, 6.7M parameters.
model = dict(
    type='TopdownPoseEstimator',
    metainfo=dict(from_file='configs/_base_/datasets/coco.py'),
    data_preprocessor=dict(type='PoseDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375],
                           bgr_to_rgb=True),
    backbone=dict(type='StemNet'),
    head=dict(
        type='TokenPoseHead',
        in_channels=256,
        num_keypoints=17,
        heatmap_size=(48, 64),
        encoder=dict(feature_size=(48, 64), patch_size=(3, 4), dim=192, depth=12, num_heads=8, mlp_ratio=3),
        hidden_dim=384,
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
        decoder=dict(type='MSRAHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2, unbiased=True,
                     blur_kernel_size=11)),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True))
