# ./tools/train.py configs/quickstart/teacher.py
# Draws heatmaps; wider than the students, and it learns for longer.
_base_ = ['_base_/people_heatmap.py', '_base_/schedule.py', '_base_/runtime.py',
          '../_base_/models/tokenpose_stemnet.py']
model = dict(
    backbone=dict(_delete_=True, type='ResNet', depth=18, stem_channels=24, base_channels=24, num_stages=3,
                  strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(2, )),
    head=dict(in_channels=96, heatmap_size=(16, 24), hidden_dim=192,
              encoder=dict(feature_size=(4, 6), patch_size=(2, 3), dim=96, depth=2, num_heads=4),
              decoder=dict(input_size=(64, 96), heatmap_size=(16, 24), sigma=1.5, blur_kernel_size=7)),
    test_cfg=dict(flip_test=False))
train_cfg = dict(max_epochs=14)
param_scheduler = _base_.param_scheduler
param_scheduler[1].update(end=14)
