# ./tools/dist_train.sh \
#     configs/body/2d_kpt_sview_rgb_img/dwpose/coco/s1_dis/rtmpose_l_wholebody_dis_t_coco-body-256x192.py 8
# A teacher of the whole body's 133 keypoints for a student of the body's 17, which are matched by name.
_base_ = 'dwpose_l_dis_t_coco-body-256x192.py'
model = dict(teacher=dict(
    config='configs/wholebody_2d_keypoint/rtmpose/ubody/rtmpose-l_8xb64-270e_coco-ubody-wholebody-256x192.py',
    checkpoint='teacher_chkpts/rtmpose-l_ucoco_256x192-95bb32f5_20230822.pth',
    keypoints='auto'))
