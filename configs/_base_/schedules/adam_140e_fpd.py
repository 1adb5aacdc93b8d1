# FPD's schedule with hourglass networks: 140 epochs of Adam at 2.5e-4, drops at 90 and 120, batches of 4 on 1 GPU.
_base_ = 'adam_210e_fpd.py'

train_cfg = dict(max_epochs=140)
optim_wrapper = dict(optimizer=dict(lr=2.5e-4))
param_scheduler = [dict(type='MultiStepLR', begin=0, end=140, milestones=[90, 120], gamma=0.1, by_epoch=True)]
auto_scale_lr = dict(base_batch_size=4)
