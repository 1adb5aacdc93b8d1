# python tools/train.py configs/body/2d_kpt_sview_rgb_img/simdr/lspet/heatmap_resnet18_from_synthetic_lspet_128x128.py
# Gaussians with a sigma of one cell, as published at this size.
_base_ = [
    '../../../../_base_/datasets/lspet_128x128.py',
    '../../../../_base_/schedules/adamw_15e.py',
    '../../../../_base_/models/simdr/heatmap_resnet18_slim.py',
    '../../../../_base_/runtime/default.py',
]
codec = dict(type='MSRAHeatmap', input_size=(128, 128), heatmap_size=(32, 32), sigma=1)
model = dict(head=dict(decoder=codec))
train_pipeline = _base_.train_pipeline
train_pipeline[5] = dict(type='GenerateTarget', encoder=codec)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
