# TokenPose's schedule: 300 epochs of Adam at 1e-3 without warm-up, 4 GPUs.
_base_ = 'adam_210e.py'

train_cfg = dict(max_epochs=300)
param_scheduler = [dict(type='MultiStepLR', begin=0, end=300, milestones=[200, 260], gamma=0.1, by_epoch=True)]
