# RTMPose's schedule for the body: 420 epochs, with twice the batch of the whole body.
_base_ = 'adamw_270e_rtmpose.py'

train_cfg = dict(max_epochs=420)
param_scheduler = _base_.param_scheduler
param_scheduler[1].update(begin=210, end=420, T_max=210)
auto_scale_lr = dict(base_batch_size=1024)
