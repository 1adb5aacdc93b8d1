# TokenPose-L: three stages of HRNet-W48, then three transformers, with eight layers each in L/D24.
_base_ = ['tokenpose_s.py', '../hrnet_w48.py']

model = dict(
    backbone=dict(
        type='HRNet3Stage', extra=_base_.hrnet_w48,
        init_cfg=dict(type='Pretrained',
                      checkpoint='https://download.openmmlab.com/mmpose/pretrain_models/hrnet_w48-8ef0771d.pth')),
    head=dict(in_channels=48, hidden_dim=None,
              encoder=dict(transformers=3, depth=8, num_heads=12, attention_scale='head')))
