# DistilPose-XS without a teacher on synthetic people, 96x64, on a CPU.
# ./tools/train.py configs/quickstart/baseline.py
_base_ = ['_base_/people_regression.py', '_base_/schedule.py', '_base_/runtime.py',
          '../_base_/models/distilpose_xs_96x64.py']

from distilpose.data_config import with_fast_data

train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_fast_data(_base_)
model = _base_.student
model['test_cfg'].update(flip_test=False)
model['head'].update(with_scores=False, with_sigmas=False)
