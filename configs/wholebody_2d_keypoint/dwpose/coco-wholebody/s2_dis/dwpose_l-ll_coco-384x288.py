# DWPose, second stage: RTMPose-l from itself on COCO-WholeBody, 384x288, on 8 GPUs.
_base_ = ['../../../../_base_/family/rtmpose_wholebody_384x288.py', '../../../../_base_/family/dwpose_s2.py']
network = 'configs/wholebody_2d_keypoint/rtmpose/coco-wholebody/rtmpose-l_8xb32-270e_coco-wholebody-384x288.py'
model = dict(student=dict(config=network),
             teacher=dict(config=network, checkpoint='teacher_chkpts/dwpose_x_dis_l_coco-384x288.pth'))
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
train_cfg = dict(max_epochs=60)
