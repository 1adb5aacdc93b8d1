# DWPose, second stage: RTMPose-s from itself on COCO, 256x192, on 8 GPUs.
_base_ = 'dwpose_l-ll_coco-body-256x192.py'
network = 'configs/body/2d_kpt_sview_rgb_img/rtmpose/coco/rtmpose-s_8xb256-420e_coco-256x192.py'
model = dict(student=dict(config=network),
             teacher=dict(config=network, checkpoint='teacher_chkpts/dwpose_l_dis_s_coco-body-256x192.pth'))
optim_wrapper = dict(optimizer=dict(weight_decay=0.0))
