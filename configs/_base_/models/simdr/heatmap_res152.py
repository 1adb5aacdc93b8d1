# Heatmaps on ResNet-152.
_base_ = 'heatmap_res50.py'

model = dict(backbone=dict(depth=152, init_cfg=dict(checkpoint='torchvision://resnet152')))
