# RTMPose-l on COCO-WholeBody, 256x192, on 8 GPUs.
_base_ = ['../../../_base_/family/rtmpose_wholebody_256x192.py', '../../../_base_/models/rtmpose/rtmpose_l.py']
model = dict(head=dict(decoder=_base_.codec))
