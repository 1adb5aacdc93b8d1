# python tools/train.py configs/wholebody_2d_keypoint/rtmpose/synthetic/rtmpose-xxs_synthetic-128x96.py
# The student of dwpose/synthetic without a teacher.
_base_ = [
    '../../../_base_/datasets/wholebody/synthetic_128x96.py',
    '../../../_base_/schedules/adamw_20e_rtmpose.py',
    '../../../_base_/models/rtmpose/rtmpose_xxs_128x96.py',
    '../../../quickstart/_base_/runtime.py',
]
model = dict(head=dict(decoder=_base_.codec), test_cfg=dict(flip_test=False))
switch = dict(type='PipelineSwitchHook', switch_epoch=17, switch_pipeline=_base_.final_pipeline)
custom_hooks = [switch]
