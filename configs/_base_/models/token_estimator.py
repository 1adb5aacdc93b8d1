# Common to TokenPose and DistilPose: image statistics, convolutional stem, size of the transformer encoder.
token_estimator = dict(
    type='TopdownPoseEstimator',
    metainfo=dict(from_file='configs/_base_/datasets/coco.py'),
    data_preprocessor=dict(type='PoseDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375],
                           bgr_to_rgb=True),
    backbone=dict(type='StemNet'),
    head=dict(
        in_channels=256,
        num_keypoints=17,
        encoder=dict(feature_size=(48, 64), patch_size=(3, 4), dim=192, depth=12, num_heads=8, mlp_ratio=3)))
