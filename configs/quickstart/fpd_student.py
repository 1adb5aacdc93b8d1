# Hourglass network 1x32 on synthetic people, 64x64, on a CPU: FPD's student alone.
# python tools/train.py configs/quickstart/fpd_student.py --work-dir work_dirs/fpd/student
_base_ = ['_base_/people_mpii.py', '_base_/schedule.py', '_base_/runtime.py',
          '../_base_/models/hourglass_1x32.py']
model = dict(head=dict(decoder=_base_.codec))
optim_wrapper = dict(optimizer=dict(lr=1e-2))
