# DWPose, second stage: RTMPose-xxs from itself on synthetic people, 128x96, on a CPU.
# Eight epochs with a falling rate: without an average of the weights, a constant rate stays noisy.
_base_ = ['../../rtmpose/synthetic/rtmpose-xxs_synthetic-128x96.py', '../../../_base_/methods/dwpose_s2.py']
network = 'configs/wholebody_2d_keypoint/rtmpose/synthetic/rtmpose-xxs_synthetic-128x96.py'
model = dict(
    _delete_=True,
    type='PoseDistiller',
    student=dict(config=network),
    teacher=dict(config=network, checkpoint='teacher_chkpts/dwpose_xs_dis_xxs_synthetic-128x96.pth'),
    **_base_.dwpose)
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
train_cfg = dict(max_epochs=8)
param_scheduler = _base_.param_scheduler
param_scheduler[1].update(begin=2, end=8, T_max=6)
custom_hooks = _base_.custom_hooks
custom_hooks[0].update(switch_epoch=6)
