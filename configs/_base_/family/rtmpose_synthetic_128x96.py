# Data, schedule and runtime of RTMPose on synthetic people, 128x96; milder augmentation from epoch 17 on.
_base_ = ['../datasets/wholebody/synthetic_128x96.py',
          '../schedules/adamw_20e_rtmpose.py',
          '../../quickstart/_base_/runtime.py']
switch = dict(type='PipelineSwitchHook', switch_epoch=17, switch_pipeline=_base_.final_pipeline)
custom_hooks = [switch]
