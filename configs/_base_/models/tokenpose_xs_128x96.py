# A TokenPose teacher with the tokens of distilpose_xs_128x96.py.
_base_ = 'tokenpose_stemnet.py'

model = dict(
    backbone=dict(stem_channels=32, out_channels=128, num_blocks=4),
    head=dict(in_channels=128, heatmap_size=(24, 32), hidden_dim=192,
              encoder=dict(feature_size=(24, 32), dim=96, depth=6, num_heads=4),
              decoder=dict(input_size=(96, 128), heatmap_size=(24, 32), sigma=1.5)))
