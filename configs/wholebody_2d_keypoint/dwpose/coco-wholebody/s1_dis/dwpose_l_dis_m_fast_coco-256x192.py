# DWPose, first stage, faster: RTMPose-m from RTMPose-l on COCO-WholeBody, 256x192, on 8 GPUs.
_base_ = ['dwpose_l_dis_m_coco-256x192.py', '../../../../_base_/runtime/fast.py']
