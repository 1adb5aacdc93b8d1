# python tools/train.py configs/wholebody_2d_keypoint/rtmpose/synthetic/rtmpose-xs_synthetic-128x96.py
# The teacher of dwpose/synthetic; it learns for longer than its student.
_base_ = [
    '../../../_base_/datasets/wholebody/synthetic_128x96.py',
    '../../../_base_/schedules/adamw_20e_rtmpose.py',
    '../../../_base_/models/rtmpose/rtmpose_xs_128x96.py',
    '../../../quickstart/_base_/runtime.py',
]
model = dict(head=dict(decoder=_base_.codec), test_cfg=dict(flip_test=False))
train_cfg = dict(max_epochs=28)
param_scheduler = _base_.param_scheduler
param_scheduler[1].update(begin=14, end=28, T_max=14)
switch = dict(type='PipelineSwitchHook', switch_epoch=24, switch_pipeline=_base_.final_pipeline)
custom_hooks = [switch]
