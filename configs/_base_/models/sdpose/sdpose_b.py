# SDPose-B: three stages of HRNet-W32 instead of the stem, 13.2M parameters. Its first stage has 32 channels, as in the
# published code, and not 64; that stage does not start from the weights of HRNet-W32.
_base_ = ['../tokenpose_stemnet.py', '../hrnet_w32.py']

hrnet = _base_.hrnet_w32
hrnet['stage1'].update(num_channels=(32, ))
model = dict(
    backbone=dict(
        type='HRNet3Stage', extra=hrnet,
        init_cfg=dict(type='Pretrained',
                      checkpoint='https://download.openmmlab.com/mmpose/pretrain_models/hrnet_w32-36af842e.pth')),
    head=dict(in_channels=32))
