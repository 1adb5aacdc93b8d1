# TokenPose at 96x96 with the backbone and the tokens of token_regression_w32_96x96.py.
_base_ = 'tokenpose_stemnet.py'

model = dict(
    backbone=dict(_delete_=True, type='ResNet', depth=18, stem_channels=32, base_channels=32, num_stages=3,
                  strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(2, )),
    head=dict(in_channels=128, heatmap_size=(24, 24), hidden_dim=192, loss=dict(loss_weight=1000.0),
              encoder=dict(feature_size=(6, 6), patch_size=(1, 1), dim=96, depth=3, num_heads=4),
              decoder=dict(input_size=(96, 96), heatmap_size=(24, 24), sigma=1.5, blur_kernel_size=7)),
    test_cfg=dict(_delete_=True, flip_test=False))
