# FPD's schedule on HRNet: that of SimDR with its drops at the epochs that they name, which is what the torch of its
# time did. The published checkpoints are the best of all epochs.
_base_ = 'adam_210e.py'

train_cfg = dict(val_interval=1)
param_scheduler = [dict(type='MultiStepLR', begin=0, end=210, milestones=[170, 200], gamma=0.1, by_epoch=True)]
