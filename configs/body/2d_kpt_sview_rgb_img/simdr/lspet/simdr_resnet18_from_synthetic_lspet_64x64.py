# python tools/train.py configs/body/2d_kpt_sview_rgb_img/simdr/lspet/simdr_resnet18_from_synthetic_lspet_64x64.py
# Three classes a pixel and the loss of the published ResNet-50 at this size.
_base_ = [
    '../../../../_base_/datasets/lspet_64x64.py',
    '../../../../_base_/schedules/adamw_15e.py',
    '../../../../_base_/models/simdr/simdr_resnet18_slim.py',
    '../../../../_base_/runtime/default.py',
]
codec = dict(type='SimDRLabel', input_size=(64, 64), simdr_split_ratio=3)
model = dict(head=dict(decoder=codec))
train_pipeline = _base_.train_pipeline
train_pipeline[5] = dict(type='GenerateTarget', encoder=codec)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

val_evaluator = dict(keypoint_score_thr=0.02)
test_evaluator = val_evaluator
