# Heatmaps with HRNet-W32 on COCO, 256x192, on 4 GPUs: FPD's student alone.
_base_ = ['../../../../_base_/datasets/simdr/coco_heatmap_256x192.py',
          '../../../../_base_/models/simdr/heatmap_hrnet_w32.py',
          '../../../../_base_/family/fpd_hrnet.py']
model = dict(head=dict(decoder=_base_.codec))
