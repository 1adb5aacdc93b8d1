# DWPose, first stage: RTMPose-l from RTMPose-x on COCO-WholeBody and UBody, 384x288, on 8 GPUs, under mmpose's name.
_base_ = 'rtmpose_x_dis_l_coco-ubody-384x288.py'
