# AdamW with a cosine: 6 epochs.
_base_ = 'adamw_8e.py'

train_cfg = dict(max_epochs=6)
param_scheduler = _base_.param_scheduler
param_scheduler[1].update(end=6)
