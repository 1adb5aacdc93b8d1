# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/tokenpose/coco/tokenpose_l_d24_coco_256x192.py 4
_base_ = [
    '../../../../_base_/datasets/simdr/coco_tokenpose_256x192.py',
    '../../../../_base_/schedules/adam_300e_tokenpose.py',
    '../../../../_base_/models/tokenpose/tokenpose_l.py',
    '../../../../_base_/runtime/default.py',
]
model = dict(head=dict(decoder=_base_.codec))
train_dataloader = dict(batch_size=16)
auto_scale_lr = dict(base_batch_size=64)
