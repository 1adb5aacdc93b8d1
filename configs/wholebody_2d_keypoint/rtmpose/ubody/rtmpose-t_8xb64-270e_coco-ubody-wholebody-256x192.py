# RTMPose-t on COCO-WholeBody and UBody, 256x192, on 8 GPUs.
_base_ = ['../../../_base_/family/rtmpose_ubody_256x192.py', '../../../_base_/models/rtmpose/rtmpose_t.py']
model = dict(head=dict(decoder=_base_.codec))
