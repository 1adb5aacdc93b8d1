# CWD of heatmaps from HRNet-W48 to HRNet-W32 on COCO, 256x192, on 4 GPUs.
_base_ = ['../../../../_base_/family/hrnet_w48_to_w32_coco_256x192.py', '../../../../_base_/methods/cwd.py']
model = dict(terms=dict(channels=_base_.terms.channels))
