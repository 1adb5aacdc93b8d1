# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/distilpose/coco/hr48_3stage_coco_256x192.py 8
# DistilPose-L without a teacher: coordinates only.
_base_ = [
    '../../../../_base_/datasets/coco_256x192_regression.py',
    '../../../../_base_/schedules/adam_300e.py',
    '../../../../_base_/models/distilpose_l.py',
    '../../../../_base_/runtime/default.py',
]
model = _base_.student
model['head'].update(with_scores=False, with_sigmas=False)
# ImageNet start, as the teacher's.
model['backbone']['init_cfg'] = dict(
    type='Pretrained', checkpoint='https://download.openmmlab.com/mmpose/pretrain_models/hrnet_w48-8ef0771d.pth')
train_dataloader = dict(batch_size=64)
