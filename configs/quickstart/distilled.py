# DistilPose-XS on synthetic people, 96x64, on a CPU.
# ./tools/train.py configs/quickstart/distilled.py    (after teacher.py; model.teacher.checkpoint is its weights)
# The terms have their corrected form. Two weights are ten times the published ones (1 and 0.01), because the L1 task
# loss here is larger than the published squared loss.
_base_ = ['_base_/people_regression.py', '_base_/schedule.py', '_base_/runtime.py',
          '../_base_/models/distilpose_xs_96x64.py', '../_base_/methods/distilpose.py']

from distilpose.data_config import with_fast_data

train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_fast_data(_base_)
student = _base_.student
student['test_cfg'].update(flip_test=False)
teacher = dict(config='configs/quickstart/teacher.py', checkpoint='work_dirs/quickstart/seed_0/teacher/weights.pth')
terms = _base_.terms
terms['simulated_heatmap'].update(masking='intended', weight=10.0)
terms['score'].update(index='heatmap', weight=0.1)
model = dict(type='PoseDistiller', student=student, teacher=teacher, terms=terms)
