# Heatmaps with SimpleBaseline's ResNet-50. A leaf adds the decoder.
_base_ = 'simdr_res50.py'

model = dict(
    head=dict(_delete_=True, type='HeatmapHead', in_channels=2048, out_channels=17, deconv_out_channels=(256, 256, 256),
              loss=dict(type='KeypointMSELoss', use_target_weight=True, loss_weight=0.5)),
    test_cfg=dict(_delete_=True, flip_test=True, flip_mode='heatmap', shift_heatmap=True))
