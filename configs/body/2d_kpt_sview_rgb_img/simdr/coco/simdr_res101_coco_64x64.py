# SimDR with ResNet-101 on COCO, 64x64, on 4 GPUs.
_base_ = 'simdr_res50_coco_64x64.py'
model = dict(backbone=dict(depth=101, init_cfg=dict(checkpoint='torchvision://resnet101')))
