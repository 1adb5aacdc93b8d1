# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/distilpose/coco/DistilPose_S_together_coco_256x192.py 8
# The same samples in other batches: images are shuffled, not people, and decoded once for their people (docs/speed.md).
_base_ = [
    '../../../../_base_/datasets/coco_256x192_regression_together.py',
    '../../../../_base_/schedules/adam_300e.py',
    '../../../../_base_/models/distilpose_s.py',
    '../../../../_base_/methods/distilpose.py',
    '../../../../_base_/runtime/default.py',
]
model = dict(type='PoseDistiller', student=_base_.student, teacher=_base_.teacher, terms=_base_.terms)
