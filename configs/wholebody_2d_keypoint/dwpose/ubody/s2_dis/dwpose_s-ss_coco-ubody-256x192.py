# DWPose, second stage: RTMPose-s from itself on COCO-WholeBody and UBody, 256x192, on 8 GPUs.
_base_ = 'dwpose_t-tt_coco-ubody-256x192.py'
network = 'configs/wholebody_2d_keypoint/rtmpose/ubody/rtmpose-s_8xb64-270e_coco-ubody-wholebody-256x192.py'
model = dict(student=dict(config=network),
             teacher=dict(config=network, checkpoint='teacher_chkpts/dwpose_l_dis_s_coco-ubody-256x192.pth'))
