# Shorter than adamw_30e.py, with larger steps: for small networks that have seen people before.
_base_ = 'adamw_30e.py'

train_cfg = dict(max_epochs=8)
optim_wrapper = dict(optimizer=dict(lr=5e-3))
param_scheduler = _base_.param_scheduler
param_scheduler[1].update(end=8)
