# SDPose-S-V2 on COCO, 256x192, on 8 GPUs.
_base_ = ['../../../../_base_/family/sdpose_coco_256x192.py', '../../../../_base_/models/sdpose/sdpose_s_v2.py']
model = dict(_delete_=True, type='PoseDistiller', student=_base_.model, **_base_.sdpose)
train_dataloader = dict(batch_size=24)
auto_scale_lr = dict(base_batch_size=192)
