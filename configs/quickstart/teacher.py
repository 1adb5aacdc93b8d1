# TokenPose-XS on synthetic people, 96x64, on a CPU: the teacher, wider than the student and trained for longer.
# ./tools/train.py configs/quickstart/teacher.py
_base_ = ['_base_/people_heatmap.py', '_base_/schedule.py', '_base_/runtime.py',
          '../_base_/models/tokenpose_xs_96x64.py']

from distilpose.data_config import with_fast_data

train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_fast_data(_base_)
model = dict(test_cfg=dict(flip_test=False))
train_cfg = dict(max_epochs=14)
param_scheduler = _base_.param_scheduler
param_scheduler[1].update(end=14)
