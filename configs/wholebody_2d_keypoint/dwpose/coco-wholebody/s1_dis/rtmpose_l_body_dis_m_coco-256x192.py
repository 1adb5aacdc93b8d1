# DWPose, first stage: RTMPose-m from RTMPose-l of the body on COCO-WholeBody, 256x192, on 8 GPUs.
# The teacher has 17 of the student's 133 keypoints; the others learn from the labels alone.
_base_ = 'dwpose_l_dis_m_coco-256x192.py'
model = dict(teacher=dict(
    config='configs/body/2d_kpt_sview_rgb_img/rtmpose/coco/rtmpose-l_8xb256-420e_coco-256x192.py',
    checkpoint='teacher_chkpts/rtmpose-l_simcc-coco_pt-aic-coco_420e-256x192-1352a4d2_20230127.pth',
    keypoints='auto'))
