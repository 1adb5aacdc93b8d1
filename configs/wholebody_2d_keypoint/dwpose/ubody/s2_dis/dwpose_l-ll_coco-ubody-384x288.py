# DWPose, second stage: RTMPose-l from itself on COCO-WholeBody and UBody, 384x288, on 8 GPUs.
_base_ = ['../../../../_base_/family/rtmpose_ubody_384x288.py', '../../../../_base_/family/dwpose_s2.py']
network = 'configs/wholebody_2d_keypoint/rtmpose/ubody/rtmpose-l_8xb32-270e_coco-ubody-wholebody-384x288.py'
model = dict(student=dict(config=network),
             teacher=dict(config=network, checkpoint='teacher_chkpts/rtmpose_x_dis_l_coco-ubody-384x288.pth'))
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
train_cfg = dict(max_epochs=60)
