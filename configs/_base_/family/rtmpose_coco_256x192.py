# Data, schedule and runtime of RTMPose on COCO, 256x192; milder augmentation from epoch 390 on.
_base_ = ['../datasets/coco_256x192_rtmpose.py', '../schedules/adamw_420e_rtmpose.py', '../runtime/rtmpose.py']
switch = dict(type='PipelineSwitchHook', switch_epoch=390, switch_pipeline=_base_.final_pipeline)
custom_hooks = [*_base_.custom_hooks, switch]
