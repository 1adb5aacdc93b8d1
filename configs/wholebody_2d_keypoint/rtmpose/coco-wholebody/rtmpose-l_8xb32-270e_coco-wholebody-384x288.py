# RTMPose-l on COCO-WholeBody, 384x288, on 8 GPUs.
_base_ = ['../../../_base_/family/rtmpose_wholebody_384x288.py', '../../../_base_/models/rtmpose/rtmpose_l.py']
model = dict(head=dict(input_size=(288, 384), in_featuremap_size=(9, 12), decoder=_base_.codec))
