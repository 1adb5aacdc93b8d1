# SimDR's schedule with ResNets: 140 epochs. Its code names drops at 90 and 120 and drops an epoch earlier.
_base_ = 'adam_210e.py'

train_cfg = dict(max_epochs=140)
param_scheduler = [dict(type='MultiStepLR', begin=0, end=140, milestones=[89, 119], gamma=0.1, by_epoch=True)]
