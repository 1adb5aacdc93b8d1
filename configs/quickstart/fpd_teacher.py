# Hourglass network 2x64 on synthetic people, 64x64, on a CPU: FPD's teacher, trained for longer.
# python tools/train.py configs/quickstart/fpd_teacher.py --work-dir work_dirs/fpd/teacher
_base_ = ['_base_/people_mpii.py', '_base_/schedule.py', '_base_/runtime.py',
          '../_base_/models/hourglass_2x64.py']
model = dict(head=dict(decoder=_base_.codec))
train_cfg = dict(max_epochs=14)
param_scheduler = _base_.param_scheduler
param_scheduler[1].update(end=14)
optim_wrapper = dict(optimizer=dict(lr=5e-3))
