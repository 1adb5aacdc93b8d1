# DIST from RTMPose-l to RTMPose-t on COCO, 256x192, on 8 GPUs.
# RTMPose's beta of 10 in both softmaxes.
_base_ = ['../../../../_base_/family/rtmpose_l_to_t_coco_256x192.py', '../../../../_base_/methods/dist.py']
model = dict(terms=dict(correlation=dict(_base_.terms.correlation, beta=10.0)))
