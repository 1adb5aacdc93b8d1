# SimDR on ResNet-101.
_base_ = 'simdr_res50.py'

model = dict(backbone=dict(depth=101, init_cfg=dict(checkpoint='torchvision://resnet101')))
