# FPD's schedule with HRNet: SimDR's with drops at 170 and 200, where the torch of its time had them. The published
# checkpoints are the best of all epochs.
_base_ = 'adam_210e.py'

train_cfg = dict(val_interval=1)
param_scheduler = [dict(type='MultiStepLR', begin=0, end=210, milestones=[170, 200], gamma=0.1, by_epoch=True)]
