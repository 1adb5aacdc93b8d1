# SimDR's schedule with HRNet: 210 epochs of Adam at 1e-3 without warm-up, decay and clipping, 4 GPUs x 32 images.
# Its code names drops at 170 and 200 and drops an epoch earlier, because the scheduler steps before the epoch.
train_cfg = dict(by_epoch=True, max_epochs=210, val_interval=10)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = [dict(type='MultiStepLR', begin=0, end=210, milestones=[169, 199], gamma=0.1, by_epoch=True)]
auto_scale_lr = dict(base_batch_size=128)
