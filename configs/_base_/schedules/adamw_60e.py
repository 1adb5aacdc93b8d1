# AdamW with a cosine: 60 epochs of a few thousand people.
_base_ = 'adamw_30e.py'

train_cfg = dict(max_epochs=60, val_interval=10)
param_scheduler = _base_.param_scheduler
param_scheduler[1].update(end=60)
