# Heatmaps with HRNet-W32 on COCO, 256x192, on 4 GPUs.
_base_ = ['../../../../_base_/datasets/simdr/coco_heatmap_256x192.py', '../../../../_base_/family/heatmap_hrnet_w32.py']
model = dict(head=dict(decoder=_base_.codec))
