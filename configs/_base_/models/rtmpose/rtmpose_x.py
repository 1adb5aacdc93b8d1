# RTMPose-x.
_base_ = 'rtmpose_l.py'

model = dict(
    backbone=dict(
        deepen_factor=1.33,
        widen_factor=1.25,
        init_cfg=dict(checkpoint='https://download.openmmlab.com/mmpose/v1/projects/rtmposev1/'
                      'cspnext-x_udp-body7_210e-384x288-d28b58e6_20230529.pth')),
    head=dict(in_channels=1280))
