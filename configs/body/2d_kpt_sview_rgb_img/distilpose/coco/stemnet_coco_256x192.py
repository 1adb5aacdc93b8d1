# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/distilpose/coco/stemnet_coco_256x192.py 8
# DistilPose-S without a teacher: coordinates only.
_base_ = [
    '../../../../_base_/datasets/coco_256x192_regression.py',
    '../../../../_base_/schedules/adam_300e.py',
    '../../../../_base_/models/distilpose_s.py',
    '../../../../_base_/runtime/default.py',
]
model = _base_.student
model['head'].update(with_scores=False, with_sigmas=False)
train_dataloader = dict(batch_size=64)
