# Heatmaps with the slim ResNet-18 of simdr_resnet18_slim.py.
_base_ = 'simdr_resnet18_slim.py'

model = dict(
    head=dict(_delete_=True, type='HeatmapHead', in_channels=64, out_channels=17, deconv_out_channels=(64, 64),
              deconv_kernel_sizes=(4, 4), loss=dict(type='KeypointMSELoss', use_target_weight=True, loss_weight=0.5)),
    test_cfg=dict(_delete_=True, flip_test=True, flip_mode='heatmap', shift_heatmap=True))
