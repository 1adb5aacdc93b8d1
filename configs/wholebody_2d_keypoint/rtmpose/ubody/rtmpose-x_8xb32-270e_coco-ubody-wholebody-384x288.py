# RTMPose-x on COCO-WholeBody and UBody, 384x288, on 8 GPUs, with wider augmentation.
_base_ = ['../../../_base_/datasets/wholebody/coco_ubody_384x288_wide.py', '../../../_base_/family/rtmpose_x.py']
model = dict(head=dict(input_size=(288, 384), in_featuremap_size=(9, 12), decoder=_base_.codec))
switch = dict(type='PipelineSwitchHook', switch_epoch=240, switch_pipeline=_base_.final_pipeline)
custom_hooks = [*_base_.custom_hooks, switch]
