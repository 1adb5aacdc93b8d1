# DWPose, first stage: RTMPose-t from RTMPose-l of the whole body on Halpe's 26 keypoints, 256x192, on 8 GPUs.
# 23 of the 26 keypoints are found among the teacher's 133 by name; top of the head, neck and middle of the hips learn
# from the labels alone.
_base_ = ['../../rtmpose/halpe26/rtmpose-t_8xb64-270e_halpe26-256x192.py', '../../../../_base_/methods/dwpose_s1.py']
model = dict(
    _delete_=True,
    type='PoseDistiller',
    student=dict(config='configs/body/2d_kpt_sview_rgb_img/rtmpose/halpe26/rtmpose-t_8xb64-270e_halpe26-256x192.py'),
    teacher=dict(
        config='configs/wholebody_2d_keypoint/rtmpose/ubody/rtmpose-l_8xb64-270e_coco-ubody-wholebody-256x192.py',
        checkpoint='teacher_chkpts/rtmpose-l_ucoco_256x192-95bb32f5_20230822.pth',
        keypoints='auto'),
    **_base_.dwpose)
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
