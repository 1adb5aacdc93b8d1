# Heatmaps with HRNet-W32 on MPII, 64x64, on 4 GPUs.
_base_ = ['../../../../_base_/datasets/simdr/mpii_heatmap_64x64.py', '../../../../_base_/family/heatmap_hrnet_w32.py']
model = dict(head=dict(decoder=_base_.codec, out_channels=16))
