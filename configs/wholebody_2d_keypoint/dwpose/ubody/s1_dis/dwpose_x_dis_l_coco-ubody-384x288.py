# ./tools/dist_train.sh configs/wholebody_2d_keypoint/dwpose/ubody/s1_dis/dwpose_x_dis_l_coco-ubody-384x288.py 8
# The same under the name that mmpose gives it.
_base_ = 'rtmpose_x_dis_l_coco-ubody-384x288.py'
