# The published schedule squeezed into 60 epochs, for data sets of a few thousand people.
_base_ = 'adam_300e.py'

train_cfg = dict(max_epochs=60, val_interval=10)
param_scheduler = [
    dict(type='LinearLR', begin=0, end=100, start_factor=0.001, by_epoch=False),
    dict(type='MultiStepLR', begin=0, end=60, milestones=[40, 52], gamma=0.1, by_epoch=True),
]
