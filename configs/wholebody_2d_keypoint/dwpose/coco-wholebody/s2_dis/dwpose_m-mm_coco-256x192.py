# DWPose, second stage: RTMPose-m from itself on COCO-WholeBody, 256x192, on 8 GPUs.
_base_ = ['../../../../_base_/family/rtmpose_wholebody_256x192.py', '../../../../_base_/family/dwpose_s2.py']
network = 'configs/wholebody_2d_keypoint/rtmpose/coco-wholebody/rtmpose-m_8xb64-270e_coco-wholebody-256x192.py'
model = dict(student=dict(config=network),
             teacher=dict(config=network, checkpoint='teacher_chkpts/dwpose_l_dis_m_coco-256x192.pth'))
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
train_cfg = dict(max_epochs=60)
