# ./tools/dist_train.sh \
#     configs/wholebody_2d_keypoint/dwpose/coco-wholebody/s1_dis/rtmpose_l_body_dis_m_coco-256x192.py 8
# A teacher of the body's 17 keypoints for a student of the whole body's 133, which learns the others from its labels.
_base_ = 'dwpose_l_dis_m_coco-256x192.py'
model = dict(teacher=dict(
    config='configs/body/2d_kpt_sview_rgb_img/rtmpose/coco/rtmpose-l_8xb256-420e_coco-256x192.py',
    checkpoint='teacher_chkpts/rtmpose-l_simcc-coco_pt-aic-coco_420e-256x192-1352a4d2_20230127.pth',
    keypoints='auto'))
