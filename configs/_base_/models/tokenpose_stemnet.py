# TokenPose with the convolutional stem, 6.7M parameters.
_base_ = 'token_estimator.py'

model = _base_.token_estimator
model.head.update(
    type='TokenPoseHead',
    heatmap_size=(48, 64),
    hidden_dim=384,
    loss=dict(type='KeypointMSELoss', use_target_weight=True),
    decoder=dict(type='MSRAHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2, unbiased=True,
                 blur_kernel_size=11))
model.test_cfg = dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True)
