# Data, schedule and runtime of TokenPose on COCO, 256x192.
_base_ = ['../../../../_base_/datasets/simdr/coco_tokenpose_256x192.py',
          '../../../../_base_/schedules/adam_300e_tokenpose.py',
          '../../../../_base_/runtime/default.py']
