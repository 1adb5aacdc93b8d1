# Heatmaps with a ResNet-18 of width 48 (1.83 M parameters), without a teacher, on LSPET, 96x96, on a CPU.
_base_ = 'heatmap_resnet18_lspet_96x96.py'
model = dict(backbone=dict(stem_channels=48, base_channels=48), head=dict(in_channels=192))
