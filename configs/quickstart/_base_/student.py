# The small DistilPose student at crops of 96x64.
_base_ = '../../_base_/models/distilpose_xs_128x96.py'

student = dict(
    head=dict(decoder=dict(input_size=(64, 96)), encoder=dict(feature_size=(4, 6), patch_size=(2, 3))),
    test_cfg=dict(flip_test=False))
