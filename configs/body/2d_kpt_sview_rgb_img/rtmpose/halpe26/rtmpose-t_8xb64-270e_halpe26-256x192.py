# RTMPose-t of the body and the feet on Halpe's 26 keypoints, 256x192, on 8 GPUs.
_base_ = ['../../../../_base_/datasets/halpe26_256x192_rtmpose.py',
          '../../../../_base_/schedules/adamw_270e_rtmpose.py',
          '../../../../_base_/models/rtmpose/rtmpose_t.py',
          '../../../../_base_/runtime/rtmpose.py']
model = dict(head=dict(out_channels=26, decoder=_base_.codec))
switch = dict(type='PipelineSwitchHook', switch_epoch=240, switch_pipeline=_base_.final_pipeline)
custom_hooks = [*_base_.custom_hooks, switch]
