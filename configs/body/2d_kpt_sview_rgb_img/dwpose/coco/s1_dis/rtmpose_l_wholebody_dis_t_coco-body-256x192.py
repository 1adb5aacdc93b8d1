# DWPose, first stage: RTMPose-t from RTMPose-l of the whole body on COCO, 256x192, on 8 GPUs.
# The student's 17 keypoints are found among the teacher's 133 by name.
_base_ = 'dwpose_l_dis_t_coco-body-256x192.py'
model = dict(teacher=dict(
    config='configs/wholebody_2d_keypoint/rtmpose/ubody/rtmpose-l_8xb64-270e_coco-ubody-wholebody-256x192.py',
    checkpoint='teacher_chkpts/rtmpose-l_ucoco_256x192-95bb32f5_20230822.pth',
    keypoints='auto'))
