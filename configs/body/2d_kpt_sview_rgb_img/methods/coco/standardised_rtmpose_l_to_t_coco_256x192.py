# Standardised logits from RTMPose-l to RTMPose-t on COCO, 256x192, on 8 GPUs.
_base_ = ['../../../../_base_/family/rtmpose_l_to_t_coco_256x192.py', '../../../../_base_/methods/standardised.py']
model = dict(terms=_base_.terms)
