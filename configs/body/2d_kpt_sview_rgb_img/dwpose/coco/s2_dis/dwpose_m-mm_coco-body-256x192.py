# DWPose, second stage: RTMPose-m from itself on COCO, 256x192, on 8 GPUs.
_base_ = 'dwpose_l-ll_coco-body-256x192.py'
network = 'configs/body/2d_kpt_sview_rgb_img/rtmpose/coco/rtmpose-m_8xb256-420e_coco-256x192.py'
model = dict(student=dict(config=network),
             teacher=dict(config=network, checkpoint='teacher_chkpts/dwpose_l_dis_m_coco-body-256x192.pth'))
