# ./tools/train.py configs/quickstart/teacher.py
# Draws heatmaps; wider than the students, and it learns for longer.
_base_ = ['_base_/people_heatmap.py', '_base_/schedule.py', '_base_/runtime.py',
          '../_base_/models/tokenpose_xs_128x96.py']
model = dict(
    head=dict(heatmap_size=(16, 24), encoder=dict(feature_size=(4, 6), patch_size=(2, 3)),
              decoder=dict(input_size=(64, 96), heatmap_size=(16, 24))),
    test_cfg=dict(flip_test=False))
train_cfg = dict(max_epochs=14)
param_scheduler = _base_.param_scheduler
param_scheduler[1].update(end=14)
