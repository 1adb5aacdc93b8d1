# As many iterations as adamw_6e.py on half of the data.
_base_ = 'adamw_6e.py'

train_cfg = dict(max_epochs=12)
param_scheduler = _base_.param_scheduler
param_scheduler[1].update(end=12)
