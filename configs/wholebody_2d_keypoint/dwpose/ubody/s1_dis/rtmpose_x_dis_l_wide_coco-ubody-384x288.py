# DWPose, first stage: RTMPose-l from RTMPose-x on COCO-WholeBody and UBody, 384x288, on 8 GPUs.
# In all epochs, boxes are scaled and rotated as in mmpose's config of this pair; the authors' config does so less.
_base_ = 'rtmpose_x_dis_l_coco-ubody-384x288.py'

from distilpose.data_config import replace_steps

box = dict(type='RandomBBoxTransform', scale_factor=(0.5, 1.5), rotate_factor=90)
train_pipeline = replace_steps(_base_.train_pipeline, box)
final_pipeline = replace_steps(_base_.final_pipeline, dict(box, shift_factor=0.0))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
custom_hooks = _base_.custom_hooks
custom_hooks[1].update(switch_pipeline=final_pipeline)
