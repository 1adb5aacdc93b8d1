# Heatmaps with ResNet-101 on COCO, 128x128, on 4 GPUs.
_base_ = 'heatmap_res50_coco_128x128.py'
model = dict(backbone=dict(depth=101, init_cfg=dict(checkpoint='torchvision://resnet101')))
