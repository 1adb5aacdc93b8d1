# AdamW with a cosine: 12 epochs, as many iterations on half of the data as adamw_6e.py has on all.
_base_ = 'adamw_6e.py'

train_cfg = dict(max_epochs=12)
param_scheduler = _base_.param_scheduler
param_scheduler[1].update(end=12)
