# AdamW with a cosine for small data sets: 100 short epochs.
_base_ = 'adamw_30e.py'

train_cfg = dict(max_epochs=100, val_interval=10)
param_scheduler = _base_.param_scheduler
param_scheduler[1].update(end=100)
