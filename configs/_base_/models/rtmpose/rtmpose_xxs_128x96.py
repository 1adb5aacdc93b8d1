# RTMPose-xxs: RTMPose-xs at half the width.
_base_ = 'rtmpose_xs_128x96.py'

model = dict(backbone=dict(widen_factor=0.125), head=dict(in_channels=64, gau_cfg=dict(hidden_dims=64, s=32)))
