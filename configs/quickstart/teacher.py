# ./tools/train.py configs/quickstart/teacher.py
_base_ = ['_base_/people_heatmap.py', '_base_/schedule.py', '_base_/runtime.py',
          '../_base_/models/tokenpose_stemnet.py']
model = dict(
    backbone=dict(stem_channels=24, out_channels=96, num_blocks=2),
    head=dict(in_channels=96, heatmap_size=(24, 32), hidden_dim=192,
              encoder=dict(feature_size=(24, 32), patch_size=(4, 4), dim=96, depth=6, num_heads=4),
              decoder=dict(input_size=(96, 128), heatmap_size=(24, 32), sigma=1.5, blur_kernel_size=7)),
    test_cfg=dict(flip_test=False))
