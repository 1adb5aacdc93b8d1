# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/rtmpose/coco/rtmpose-s_8xb256-420e_coco-256x192.py 8
_base_ = [
    '../../../../_base_/datasets/coco_256x192_rtmpose.py',
    '../../../../_base_/schedules/adamw_420e_rtmpose.py',
    '../../../../_base_/models/rtmpose/rtmpose_s.py',
    '../../../../_base_/runtime/rtmpose.py',
]
model = dict(head=dict(out_channels=17, decoder=_base_.codec))
optim_wrapper = dict(optimizer=dict(weight_decay=0.0))
switch = dict(type='PipelineSwitchHook', switch_epoch=390, switch_pipeline=_base_.final_pipeline)
custom_hooks = [*_base_.custom_hooks, switch]
