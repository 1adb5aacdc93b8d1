# SDPose-B on COCO, 256x192, on 8 GPUs.
_base_ = ['../../../../_base_/family/sdpose_coco_256x192.py', '../../../../_base_/models/sdpose/sdpose_b.py']
model = dict(_delete_=True, type='PoseDistiller', student=_base_.model, **_base_.sdpose)
train_dataloader = dict(batch_size=32)
auto_scale_lr = dict(base_batch_size=256)
