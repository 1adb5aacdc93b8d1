# RTMPose-xs for a CPU: narrow, without CSPNeXt's last stage, whose feature maps would be too coarse for small crops,
# and without its pooled feature maps, with which a few minutes teach the mean pose alone.
_base_ = 'rtmpose_l.py'

stages = [[64, 128, 3, True, False], [128, 256, 6, True, False], [256, 512, 3, True, False]]
model = dict(
    backbone=dict(arch_ovewrite=stages, deepen_factor=0.167, widen_factor=0.25, out_indices=(3, ),
                  norm_cfg=dict(type='BN'), init_cfg=None),
    head=dict(in_channels=128, input_size=(96, 128), in_featuremap_size=(6, 8),
              gau_cfg=dict(hidden_dims=128, s=64)))
