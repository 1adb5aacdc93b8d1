# A DistilPose student for 128x96: a quarter of S's pixels, half of its width and depth.
_base_ = 'distilpose_s.py'

student = dict(
    backbone=dict(stem_channels=32, out_channels=128, num_blocks=2),
    head=dict(in_channels=128, encoder=dict(feature_size=(24, 32), dim=96, depth=6, num_heads=4),
              decoder=dict(input_size=(96, 128))))
