# Heatmaps with HRNet-W32 on MPII, 256x256, on 4 GPUs: FPD's student alone.
_base_ = ['../../../../_base_/datasets/mpii_256x256_heatmap.py',
          '../../../../_base_/models/simdr/heatmap_hrnet_w32.py',
          '../../../../_base_/family/fpd_hrnet.py']
model = dict(head=dict(decoder=_base_.codec, out_channels=16))
