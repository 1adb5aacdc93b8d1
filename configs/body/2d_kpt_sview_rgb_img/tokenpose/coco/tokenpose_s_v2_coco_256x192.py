# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/tokenpose/coco/tokenpose_s_v2_coco_256x192.py 4
_base_ = [
    '../../../../_base_/datasets/simdr/coco_tokenpose_256x192.py',
    '../../../../_base_/schedules/adam_300e_tokenpose.py',
    '../../../../_base_/models/tokenpose/tokenpose_s.py',
    '../../../../_base_/runtime/default.py',
]
model = dict(head=dict(decoder=_base_.codec, encoder=dict(patch_size=(2, 2))))
train_dataloader = dict(batch_size=12)
auto_scale_lr = dict(base_batch_size=48)
