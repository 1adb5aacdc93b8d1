# Heatmaps with HRNet-W16 on COCO, 256x192, on 4 GPUs: the student of ODKD alone, from random weights.
_base_ = '../../fpd/coco/hrnet_w32_coco_256x192.py'
model = dict(
    backbone=dict(init_cfg=None, extra=dict(
        stage2=dict(num_channels=(16, 32)), stage3=dict(num_channels=(16, 32, 64)),
        stage4=dict(num_channels=(16, 32, 64, 128)))),
    head=dict(in_channels=16))
