# Data, schedule and runtime of DistilPose on COCO, 256x192.
_base_ = ['../datasets/coco_256x192_regression.py', '../schedules/adam_300e.py', '../runtime/default.py']
