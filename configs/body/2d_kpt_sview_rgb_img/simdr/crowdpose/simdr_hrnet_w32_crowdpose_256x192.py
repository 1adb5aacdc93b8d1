# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/simdr/crowdpose/simdr_hrnet_w32_crowdpose_256x192.py 8
# Split ratio, loss and smoothing of this row are not published; they are those of COCO at this size.
_base_ = [
    '../../../../_base_/datasets/simdr/crowdpose_simdr_256x192.py',
    '../../../../_base_/schedules/adam_210e_crowdpose.py',
    '../../../../_base_/models/simdr/simdr_hrnet_w32.py',
    '../../../../_base_/runtime/default.py',
]
model = dict(head=dict(decoder=_base_.codec, num_keypoints=14))
