# TokenPose-L/D24 on COCO, 256x192, on 4 GPUs.
_base_ = ['../../../../_base_/family/tokenpose_coco_256x192.py', '../../../../_base_/models/tokenpose/tokenpose_l.py']
model = dict(head=dict(decoder=_base_.codec))
train_dataloader = dict(batch_size=16)
auto_scale_lr = dict(base_batch_size=64)
