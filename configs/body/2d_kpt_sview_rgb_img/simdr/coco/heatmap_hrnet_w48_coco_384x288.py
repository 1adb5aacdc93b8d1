# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/simdr/coco/heatmap_hrnet_w48_coco_384x288.py 8
_base_ = [
    '../../../../_base_/datasets/simdr/coco_heatmap_384x288.py',
    '../../../../_base_/schedules/adam_210e.py',
    '../../../../_base_/models/simdr/heatmap_hrnet_w48.py',
    '../../../../_base_/runtime/default.py',
]
model = dict(head=dict(decoder=_base_.codec))
train_dataloader = dict(batch_size=24)
auto_scale_lr = dict(base_batch_size=192)
