# SimDR with HRNet-W32, faster, on COCO, 256x192, on 4 GPUs.
_base_ = ['simdr_hrnet_w32_coco_256x192.py', '../../../../_base_/runtime/fast.py']
