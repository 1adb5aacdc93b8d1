# As many iterations as adamw_8e.py on half of the data.
_base_ = 'adamw_8e.py'

train_cfg = dict(max_epochs=16)
param_scheduler = _base_.param_scheduler
param_scheduler[1].update(end=16)
