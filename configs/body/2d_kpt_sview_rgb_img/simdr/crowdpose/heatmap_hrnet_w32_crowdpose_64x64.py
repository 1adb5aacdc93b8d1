# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/simdr/crowdpose/heatmap_hrnet_w32_crowdpose_64x64.py 8
_base_ = [
    '../../../../_base_/datasets/simdr/crowdpose_heatmap_64x64.py',
    '../../../../_base_/schedules/adam_210e_crowdpose.py',
    '../../../../_base_/models/simdr/heatmap_hrnet_w32.py',
    '../../../../_base_/runtime/default.py',
]
model = dict(head=dict(decoder=_base_.codec, out_channels=14))
