# RTMPose-l on COCO, 256x192, on 8 GPUs.
_base_ = ['../../../../_base_/family/rtmpose_coco_256x192.py', '../../../../_base_/models/rtmpose/rtmpose_l.py']
model = dict(head=dict(out_channels=17, decoder=_base_.codec))
