# Heatmaps with HRNet-W48 on COCO, 384x288, on 8 GPUs.
_base_ = ['../../../../_base_/datasets/simdr/coco_heatmap_384x288.py', '../../../../_base_/family/heatmap_hrnet_w48.py']
model = dict(head=dict(decoder=_base_.codec))
train_dataloader = dict(batch_size=24)
auto_scale_lr = dict(base_batch_size=192)
