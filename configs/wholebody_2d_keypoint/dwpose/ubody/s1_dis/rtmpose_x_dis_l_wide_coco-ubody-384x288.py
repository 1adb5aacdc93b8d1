# ./tools/dist_train.sh configs/wholebody_2d_keypoint/dwpose/ubody/s1_dis/rtmpose_x_dis_l_wide_coco-ubody-384x288.py 8
# The augmentation that mmpose's config of this pair has, for all epochs; that of the authors' is narrower.
_base_ = 'rtmpose_x_dis_l_coco-ubody-384x288.py'

from distilpose.data_config import replace_steps

box = dict(type='RandomBBoxTransform', scale_factor=(0.5, 1.5), rotate_factor=90)
train_pipeline = replace_steps(_base_.train_pipeline, box)
final_pipeline = replace_steps(_base_.final_pipeline, dict(box, shift_factor=0.0))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
custom_hooks = _base_.custom_hooks
custom_hooks[1].update(switch_pipeline=final_pipeline)
