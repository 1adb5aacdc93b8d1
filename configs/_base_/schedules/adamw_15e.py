# AdamW with a cosine: 15 epochs, for networks that were trained on people before.
_base_ = 'adamw_30e.py'

train_cfg = dict(max_epochs=15)
param_scheduler = _base_.param_scheduler
param_scheduler[1].update(end=15)
