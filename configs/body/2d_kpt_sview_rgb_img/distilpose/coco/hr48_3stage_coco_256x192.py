# DistilPose-L without a teacher on COCO, 256x192, on 8 GPUs. It starts from ImageNet's weights, as the teacher does.
_base_ = ['../../../../_base_/family/distilpose_coco_256x192.py', '../../../../_base_/models/distilpose_l.py']
model = _base_.student
model['head'].update(with_scores=False, with_sigmas=False)
model['backbone']['init_cfg'] = dict(
    type='Pretrained', checkpoint='https://download.openmmlab.com/mmpose/pretrain_models/hrnet_w48-8ef0771d.pth')
train_dataloader = dict(batch_size=64)
