# SimDR with HRNet-W48.
_base_ = ['simdr_hrnet_w32.py', '../hrnet_w48.py']

model = dict(
    backbone=dict(
        extra=dict(**_base_.hrnet_w48,
                   stage4=dict(num_modules=3, num_branches=4, block='BASIC', num_blocks=(4, 4, 4, 4),
                               num_channels=(48, 96, 192, 384))),
        init_cfg=dict(checkpoint='https://download.openmmlab.com/mmpose/pretrain_models/hrnet_w48-8ef0771d.pth')),
    head=dict(in_channels=48))
