# python tools/train.py configs/quickstart/fpd_distilled.py --work-dir work_dirs/fpd/distilled
# The student of fpd_student.py with the teacher of fpd_teacher.py, which is trained first; both start from nothing.
_base_ = ['_base_/people_mpii.py', '_base_/schedule.py', '_base_/runtime.py', '../_base_/methods/fpd.py']
model = dict(
    type='PoseDistiller',
    student=dict(config='configs/quickstart/fpd_student.py'),
    teacher=dict(config='configs/quickstart/fpd_teacher.py', checkpoint='work_dirs/fpd/teacher/epoch_14.pth'),
    **_base_.fpd)
optim_wrapper = dict(optimizer=dict(lr=1e-2))
