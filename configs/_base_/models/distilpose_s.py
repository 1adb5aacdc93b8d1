# DistilPose-S: convolutional stem and transformer encoder of keypoint and visual tokens, 5.4M parameters.
_base_ = 'token_estimator.py'

student = _base_.token_estimator
student.head.update(
    type='DistilPoseHead',
    loss=dict(type='SmoothL1Loss', use_target_weight=True),
    decoder=dict(type='RegressionLabel', input_size=(192, 256)))
student.test_cfg = dict(flip_test=True, shift_coords=True, permute_scores=True)
