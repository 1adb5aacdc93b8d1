# Half of adamw_30e.py, for networks that have seen people before.
_base_ = 'adamw_30e.py'

train_cfg = dict(max_epochs=15)
param_scheduler = _base_.param_scheduler
param_scheduler[1].update(end=15)
