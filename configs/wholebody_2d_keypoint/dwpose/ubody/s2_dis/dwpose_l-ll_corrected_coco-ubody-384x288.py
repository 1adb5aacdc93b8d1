# ./tools/dist_train.sh \
#     configs/wholebody_2d_keypoint/dwpose/ubody/s2_dis/dwpose_l-ll_corrected_coco-ubody-384x288.py 8
# The published schedule is the first 60 of 270 epochs: its rate stays at 4e-3, and the augmentation never changes. Here
# both happen within the 60: the rate falls from the middle on, and the last ninth has the other augmentation.
_base_ = 'dwpose_l-ll_coco-ubody-384x288.py'
param_scheduler = _base_.param_scheduler
param_scheduler[1].update(begin=30, end=60, T_max=30)
custom_hooks = _base_.custom_hooks
custom_hooks[1].update(switch_epoch=53)
