# RTMPose-xs of the whole body on synthetic people, 128x96, on a CPU: the teacher of dwpose/synthetic.
_base_ = ['../../../_base_/family/rtmpose_synthetic_128x96.py', '../../../_base_/models/rtmpose/rtmpose_xs_128x96.py']
model = dict(head=dict(decoder=_base_.codec), test_cfg=dict(flip_test=False))
train_cfg = dict(max_epochs=28)
param_scheduler = _base_.param_scheduler
param_scheduler[1].update(begin=14, end=28, T_max=14)
switch = dict(_base_.switch, switch_epoch=24)
custom_hooks = [switch]
