# A DistilPose student of 0.4M parameters.
_base_ = '../../_base_/models/distilpose_s.py'

student = dict(
    backbone=dict(stem_channels=16, out_channels=64, num_blocks=2),
    head=dict(in_channels=64, decoder=dict(input_size=(96, 128)),
              encoder=dict(feature_size=(24, 32), patch_size=(4, 4), dim=96, depth=4, num_heads=4)),
    test_cfg=dict(flip_test=False))
