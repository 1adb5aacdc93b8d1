# Heatmaps with HRNet-W32. A leaf adds the decoder.
_base_ = 'simdr_hrnet_w32.py'

model = dict(
    head=dict(_delete_=True, type='HeatmapHead', in_channels=32, out_channels=17, deconv_out_channels=None,
              loss=dict(type='KeypointMSELoss', use_target_weight=True, loss_weight=0.5)),
    test_cfg=dict(_delete_=True, flip_test=True, flip_mode='heatmap', shift_heatmap=True))
