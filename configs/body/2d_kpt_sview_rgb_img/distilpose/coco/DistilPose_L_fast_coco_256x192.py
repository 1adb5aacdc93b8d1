# DistilPose-L, faster, on COCO, 256x192, on 8 GPUs. The samples are the same.
_base_ = ['DistilPose_L_coco_256x192.py', '../../../../_base_/runtime/fast.py']
