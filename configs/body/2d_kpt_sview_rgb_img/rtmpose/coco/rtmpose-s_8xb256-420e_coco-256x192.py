# RTMPose-s on COCO, 256x192, on 8 GPUs.
_base_ = ['../../../../_base_/family/rtmpose_coco_256x192.py', '../../../../_base_/models/rtmpose/rtmpose_s.py']
model = dict(head=dict(out_channels=17, decoder=_base_.codec))
optim_wrapper = dict(optimizer=dict(weight_decay=0.0))
