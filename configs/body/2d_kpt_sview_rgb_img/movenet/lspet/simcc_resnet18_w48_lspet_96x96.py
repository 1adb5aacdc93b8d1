# SimCC with a ResNet-18 of width 48, without a teacher, on LSPET, 96x96, on a CPU.
_base_ = 'simcc_resnet18_lspet_96x96.py'
model = dict(backbone=dict(stem_channels=48, base_channels=48),
             head=dict(in_channels=192, gau_cfg=dict(hidden_dims=192, s=96)))
