# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/simdr/mpii/sa_simdr_hrnet_w32_mpii_256x256.py 4
_base_ = [
    '../../../../_base_/datasets/simdr/mpii_sa_simdr_256x256.py',
    '../../../../_base_/schedules/adam_210e.py',
    '../../../../_base_/models/simdr/simdr_hrnet_w32.py',
    '../../../../_base_/methods/sa_simdr.py',
    '../../../../_base_/runtime/default.py',
]
model = dict(head=dict(decoder=_base_.codec, num_keypoints=16,
                       loss=_base_.sa_simdr.loss), test_cfg=_base_.sa_simdr.test_cfg)
