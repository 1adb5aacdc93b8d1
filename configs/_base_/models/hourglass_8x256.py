# Hourglass network 8x256, FPD's teacher on MPII: eight stacks of width 256, whose outputs are the heatmaps, so that the
# head has no layers. As for the published weights, images are BGR with the statistics of RGB (docs/parity.md).
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='PoseDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375],
                           bgr_to_rgb=False),
    backbone=dict(type='StackedHourglass', num_keypoints=16, num_stacks=8, channels=256),
    head=dict(type='CPMHead', in_channels=16, out_channels=16, num_stages=8, final_layer=None,
              deconv_out_channels=None,
              loss=dict(type='KeypointMSELoss', use_target_weight=True, loss_weight=0.5)),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True))
