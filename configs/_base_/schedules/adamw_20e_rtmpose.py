# RTMPose's schedule for minutes on a CPU: 20 epochs at half the learning rate.
_base_ = 'adamw_270e_rtmpose.py'

train_cfg = dict(max_epochs=20, val_interval=1000)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
param_scheduler = _base_.param_scheduler
param_scheduler[0].update(end=100, start_factor=1e-2)
param_scheduler[1].update(begin=10, end=20, T_max=10, eta_min=1e-4)
auto_scale_lr = dict(base_batch_size=16)
