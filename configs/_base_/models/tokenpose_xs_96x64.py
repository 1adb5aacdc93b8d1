# TokenPose-XS: the tokens of distilpose_xs_96x64.py with a backbone of 1.5 times its width.
_base_ = 'tokenpose_stemnet.py'

model = dict(
    backbone=dict(_delete_=True, type='ResNet', depth=18, stem_channels=24, base_channels=24, num_stages=3,
                  strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(2, )),
    head=dict(in_channels=96, heatmap_size=(16, 24), hidden_dim=192,
              encoder=dict(feature_size=(4, 6), patch_size=(2, 3), dim=96, depth=2, num_heads=4),
              decoder=dict(input_size=(64, 96), heatmap_size=(16, 24), sigma=1.5, blur_kernel_size=7)))
