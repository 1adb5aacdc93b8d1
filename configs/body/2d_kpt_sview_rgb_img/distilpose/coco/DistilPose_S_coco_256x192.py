# DistilPose-S on COCO, 256x192, on 8 GPUs.
_base_ = ['../../../../_base_/family/distilpose_coco_256x192.py',
          '../../../../_base_/models/distilpose_s.py',
          '../../../../_base_/methods/distilpose.py']
model = dict(type='PoseDistiller', student=_base_.student, teacher=_base_.teacher, terms=_base_.terms)
