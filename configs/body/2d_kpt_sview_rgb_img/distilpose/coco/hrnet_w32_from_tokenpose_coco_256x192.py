# HRNet-W32, which regresses coordinates, from DistilPose's teacher on COCO, 256x192, on 8 GPUs.
_base_ = ['DistilPose_S_coco_256x192.py', '../../../../_base_/models/hrnet_w32.py']
pretrained = dict(
    type='Pretrained', checkpoint='https://download.openmmlab.com/mmpose/pretrain_models/hrnet_w32-36af842e.pth')
model = dict(student=dict(
    backbone=dict(type='HRNet', extra=_base_.hrnet_w32, init_cfg=pretrained),
    head=dict(in_channels=32)))
