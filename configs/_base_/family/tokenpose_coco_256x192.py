# Data, schedule and runtime of TokenPose on COCO, 256x192.
_base_ = ['../datasets/simdr/coco_tokenpose_256x192.py', '../schedules/adam_300e_tokenpose.py', '../runtime/default.py']
