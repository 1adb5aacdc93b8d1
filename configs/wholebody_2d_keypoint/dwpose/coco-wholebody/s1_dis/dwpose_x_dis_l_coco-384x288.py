# DWPose, first stage: RTMPose-l from RTMPose-x on COCO-WholeBody, 384x288, on 8 GPUs.
_base_ = ['../../../../_base_/family/rtmpose_wholebody_384x288.py', '../../../../_base_/family/dwpose_s1.py']
networks = 'configs/wholebody_2d_keypoint/rtmpose/coco-wholebody/'
model = dict(
    student=dict(config=networks + 'rtmpose-l_8xb32-270e_coco-wholebody-384x288.py'),
    teacher=dict(config=networks + 'rtmpose-x_8xb32-270e_coco-wholebody-384x288.py',
                 checkpoint='teacher_chkpts/rtmpose-x_simcc-coco-wholebody_'
                            'pt-body7_270e-384x288-401dfc90_20230629.pth'))
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
