# RTMPose's head on the ResNet-18 of heatmap_resnet18_w32_96x96.py.
_base_ = 'rtmpose/rtmpose_l.py'

model = dict(
    backbone=dict(_delete_=True, type='ResNet', depth=18, stem_channels=32, base_channels=32, num_stages=3,
                  strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(2, )),
    head=dict(in_channels=128, out_channels=17, input_size=(96, 96), in_featuremap_size=(6, 6),
              gau_cfg=dict(hidden_dims=128, s=64),
              decoder=dict(type='SimCCLabel', input_size=(96, 96), sigma=(3.46, 3.46), simcc_split_ratio=2.0,
                           normalize=False, use_dark=False)),
    test_cfg=dict(flip_test=False))
