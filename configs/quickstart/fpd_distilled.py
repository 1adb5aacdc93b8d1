# FPD of hourglass 2x64 to 1x32 on synthetic people, 64x64, on a CPU; both start from random weights.
# python tools/train.py configs/quickstart/fpd_distilled.py --work-dir work_dirs/fpd/distilled    (after fpd_teacher.py)
_base_ = ['_base_/people_mpii.py', '_base_/schedule.py', '_base_/runtime.py', '../_base_/methods/fpd.py']
model = dict(
    type='PoseDistiller',
    student=dict(config='configs/quickstart/fpd_student.py'),
    teacher=dict(config='configs/quickstart/fpd_teacher.py', checkpoint='work_dirs/fpd/teacher/epoch_14.pth'),
    **_base_.fpd)
optim_wrapper = dict(optimizer=dict(lr=1e-2))
