# DWPose, first stage: RTMPose-l from RTMPose-x on COCO-WholeBody and UBody, 256x192, on 8 GPUs.
_base_ = 'dwpose_l_dis_t_coco-ubody-256x192.py'
model = dict(
    student=dict(config=_base_.networks + 'rtmpose-l_8xb64-270e_coco-ubody-wholebody-256x192.py'),
    teacher=dict(config=_base_.networks + 'rtmpose-x_8xb64-270e_coco-ubody-wholebody-256x192.py',
                 checkpoint='teacher_chkpts/rtmpose-x_ucoco_256x192-05f5bcb7_20230822.pth'))
