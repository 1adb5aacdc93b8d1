# SimDR with ResNet-101 on COCO, 384x288, on 4 GPUs.
_base_ = 'simdr_res50_coco_384x288.py'
model = dict(backbone=dict(depth=101, init_cfg=dict(checkpoint='torchvision://resnet101')),
             head=dict(loss=dict(_delete_=True, type='NMTNormLoss', smoothing=0.1)))
