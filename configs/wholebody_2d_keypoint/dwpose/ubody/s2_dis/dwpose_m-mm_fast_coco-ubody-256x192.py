# DWPose, second stage, faster: RTMPose-m from itself on COCO-WholeBody and UBody, 256x192, on 8 GPUs.
_base_ = ['dwpose_m-mm_coco-ubody-256x192.py', '../../../../_base_/runtime/fast.py']
