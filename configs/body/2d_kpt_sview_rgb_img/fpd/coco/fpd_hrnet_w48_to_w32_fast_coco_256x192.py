# FPD of HRNet-W48 to HRNet-W32, faster, on COCO, 256x192, on 4 GPUs.
_base_ = ['fpd_hrnet_w48_to_w32_coco_256x192.py', '../../../../_base_/runtime/fast.py']
