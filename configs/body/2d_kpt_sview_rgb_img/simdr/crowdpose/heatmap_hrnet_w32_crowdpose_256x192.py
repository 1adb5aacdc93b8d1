# Heatmaps with HRNet-W32 on CrowdPose, 256x192, on 8 GPUs.
_base_ = ['../../../../_base_/datasets/simdr/crowdpose_heatmap_256x192.py',
          '../../../../_base_/models/simdr/heatmap_hrnet_w32.py',
          '../../../../_base_/family/simdr_crowdpose.py']
model = dict(head=dict(decoder=_base_.codec, out_channels=14))
