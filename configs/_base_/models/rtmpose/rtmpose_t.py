# RTMPose-t.
_base_ = 'rtmpose_l.py'

model = dict(
    backbone=dict(
        deepen_factor=0.167,
        widen_factor=0.375,
        init_cfg=dict(checkpoint='https://download.openmmlab.com/mmpose/v1/projects/rtmpose/'
                      'cspnext-tiny_udp-aic-coco_210e-256x192-cbed682d_20230130.pth')),
    head=dict(in_channels=384))
