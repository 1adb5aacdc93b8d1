# DistilPose-S without a teacher on COCO, 256x192, on 8 GPUs.
_base_ = ['../../../../_base_/family/distilpose_coco_256x192.py', '../../../../_base_/models/distilpose_s.py']
model = _base_.student
model['head'].update(with_scores=False, with_sigmas=False)
train_dataloader = dict(batch_size=64)
