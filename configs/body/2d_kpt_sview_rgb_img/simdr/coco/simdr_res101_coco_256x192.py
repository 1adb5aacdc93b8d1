# SimDR with ResNet-101 on COCO, 256x192, on 4 GPUs. The published 53.7M parameters are a misprint of 55.7M.
_base_ = 'simdr_res50_coco_256x192.py'
model = dict(backbone=dict(depth=101, init_cfg=dict(checkpoint='torchvision://resnet101')),
             head=dict(loss=dict(smoothing=0.4)))
