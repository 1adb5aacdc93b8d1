# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/fpd/coco/hrnet_w48_coco_256x192.py 4
_base_ = [
    '../../../../_base_/datasets/simdr/coco_heatmap_256x192.py',
    '../../../../_base_/schedules/adam_210e_fpd.py',
    '../../../../_base_/models/simdr/heatmap_hrnet_w48.py',
    '../../../../_base_/runtime/default.py',
]
model = dict(head=dict(decoder=_base_.codec))
