# FPD's schedule with an HRNet that was trained on MPII before: 20 epochs of Adam at 1e-5, batches of 16.
_base_ = 'adam_210e_fpd.py'

train_cfg = dict(max_epochs=20)
optim_wrapper = dict(optimizer=dict(lr=1e-5))
param_scheduler = [dict(type='MultiStepLR', begin=0, end=20, milestones=[5, 10, 15], gamma=0.1, by_epoch=True)]
auto_scale_lr = dict(base_batch_size=16)
