# DWPose, second stage, with its own schedule: RTMPose-l from itself on COCO-WholeBody and UBody, 384x288, on 8 GPUs.
# The published second stage runs the first 60 of 270 epochs, in which neither the learning rate falls nor the
# augmentation changes. Here the rate falls from epoch 30 on, and the milder augmentation starts with epoch 53.
_base_ = 'dwpose_l-ll_coco-ubody-384x288.py'
param_scheduler = _base_.param_scheduler
param_scheduler[1].update(begin=30, end=60, T_max=30)
custom_hooks = _base_.custom_hooks
custom_hooks[1].update(switch_epoch=53)
