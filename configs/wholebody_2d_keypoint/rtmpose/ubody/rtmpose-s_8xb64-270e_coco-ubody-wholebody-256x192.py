# ./tools/dist_train.sh \
#     configs/wholebody_2d_keypoint/rtmpose/ubody/rtmpose-s_8xb64-270e_coco-ubody-wholebody-256x192.py 8
_base_ = [
    '../../../_base_/datasets/wholebody/coco_ubody_256x192.py',
    '../../../_base_/schedules/adamw_270e_rtmpose.py',
    '../../../_base_/models/rtmpose/rtmpose_s.py',
    '../../../_base_/runtime/rtmpose.py',
]
model = dict(head=dict(decoder=_base_.codec))
switch = dict(type='PipelineSwitchHook', switch_epoch=240, switch_pipeline=_base_.final_pipeline)
custom_hooks = [*_base_.custom_hooks, switch]
