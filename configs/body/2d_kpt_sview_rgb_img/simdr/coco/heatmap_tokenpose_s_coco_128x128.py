# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/simdr/coco/heatmap_tokenpose_s_coco_128x128.py 4
_base_ = [
    '../../../../_base_/datasets/simdr/coco_tokenpose_128x128.py',
    '../../../../_base_/schedules/adam_300e_tokenpose.py',
    '../../../../_base_/models/tokenpose/tokenpose_s.py',
    '../../../../_base_/runtime/default.py',
]
model = dict(head=dict(decoder=_base_.codec,
                       heatmap_size=(32, 32), hidden_dim=None, encoder=dict(feature_size=(32, 32), patch_size=(2, 2))))
