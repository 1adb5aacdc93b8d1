# DWPose, second stage: RTMPose-t from itself on COCO-WholeBody and UBody, 256x192, on 8 GPUs.
_base_ = ['../../../../_base_/family/rtmpose_ubody_256x192.py', '../../../../_base_/family/dwpose_s2.py']
network = 'configs/wholebody_2d_keypoint/rtmpose/ubody/rtmpose-t_8xb64-270e_coco-ubody-wholebody-256x192.py'
model = dict(student=dict(config=network),
             teacher=dict(config=network, checkpoint='teacher_chkpts/dwpose_l_dis_t_coco-ubody-256x192.pth'))
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
train_cfg = dict(max_epochs=60)
