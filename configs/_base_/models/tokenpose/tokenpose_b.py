# TokenPose-B: three stages of HRNet-W32.
_base_ = ['tokenpose_s.py', '../hrnet_w32.py']

model = dict(
    backbone=dict(
        type='HRNet3Stage', extra=_base_.hrnet_w32,
        init_cfg=dict(type='Pretrained',
                      checkpoint='https://download.openmmlab.com/mmpose/pretrain_models/hrnet_w32-36af842e.pth')),
    head=dict(in_channels=32, encoder=dict(attention_scale='head')))
