# Heatmaps with TokenPose-S on COCO, 256x192, on 4 GPUs: TokenPose-S-v1.
_base_ = '../../tokenpose/coco/tokenpose_s_v1_coco_256x192.py'
