# Data, schedule and runtime of RTMPose on COCO-WholeBody, 256x192; milder augmentation from epoch 240 on.
_base_ = ['../datasets/wholebody/coco_256x192.py', '../schedules/adamw_270e_rtmpose.py', '../runtime/rtmpose.py']
switch = dict(type='PipelineSwitchHook', switch_epoch=240, switch_pipeline=_base_.final_pipeline)
custom_hooks = [*_base_.custom_hooks, switch]
