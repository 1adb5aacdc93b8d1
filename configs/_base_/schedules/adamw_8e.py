# AdamW with a cosine: 8 epochs at 5e-3, for small networks that were trained on people before.
_base_ = 'adamw_30e.py'

train_cfg = dict(max_epochs=8)
optim_wrapper = dict(optimizer=dict(lr=5e-3))
param_scheduler = _base_.param_scheduler
param_scheduler[1].update(end=8)
