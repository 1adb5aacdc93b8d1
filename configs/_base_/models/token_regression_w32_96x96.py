# Token regression (the student of DistilPose) at 96x96: the ResNet-18 of heatmap_resnet18_w32_96x96.py, one visual
# token for each of its 6x6 places, three layers.
_base_ = 'distilpose_s.py'

student = dict(
    backbone=dict(_delete_=True, type='ResNet', depth=18, stem_channels=32, base_channels=32, num_stages=3,
                  strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(2, )),
    head=dict(in_channels=128, loss=dict(type='L1Loss', use_target_weight=True), decoder=dict(input_size=(96, 96)),
              encoder=dict(feature_size=(6, 6), patch_size=(1, 1), dim=96, depth=3, num_heads=4)),
    test_cfg=dict(flip_test=False))
