# Heatmaps of 24x24 from a ResNet-18 of width 32 without its last stage, and two small deconvolutions: 0.90 M
# parameters.
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='PoseDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375],
                           bgr_to_rgb=True),
    backbone=dict(type='ResNet', depth=18, stem_channels=32, base_channels=32, num_stages=3, strides=(1, 2, 2),
                  dilations=(1, 1, 1), out_indices=(2, )),
    head=dict(type='HeatmapHead', in_channels=128, out_channels=17, deconv_out_channels=(64, 64),
              deconv_kernel_sizes=(4, 4), loss=dict(type='KeypointMSELoss', use_target_weight=True, loss_weight=1000.0),
              decoder=dict(type='MSRAHeatmap', input_size=(96, 96), heatmap_size=(24, 24), sigma=1.5, unbiased=True,
                           blur_kernel_size=7)),
    test_cfg=dict(flip_test=False))
