# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/fpd/mpii/hrnet_w32_mpii_256x256.py 4
_base_ = [
    '../../../../_base_/datasets/mpii_256x256_heatmap.py',
    '../../../../_base_/schedules/adam_210e_fpd.py',
    '../../../../_base_/models/simdr/heatmap_hrnet_w32.py',
    '../../../../_base_/runtime/default.py',
]
model = dict(head=dict(decoder=_base_.codec, out_channels=16))
