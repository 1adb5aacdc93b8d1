# TokenPose-T on COCO, 256x192, on 4 GPUs.
_base_ = ['../../../../_base_/family/tokenpose_coco_256x192.py', '../../../../_base_/models/tokenpose/tokenpose_t.py']
model = dict(head=dict(decoder=_base_.codec))
