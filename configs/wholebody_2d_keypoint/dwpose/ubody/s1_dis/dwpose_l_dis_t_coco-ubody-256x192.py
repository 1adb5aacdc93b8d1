# DWPose, first stage: RTMPose-t from RTMPose-l on COCO-WholeBody and UBody, 256x192, on 8 GPUs.
_base_ = ['../../../../_base_/family/rtmpose_ubody_256x192.py', '../../../../_base_/family/dwpose_s1.py']
networks = 'configs/wholebody_2d_keypoint/rtmpose/ubody/'
model = dict(
    student=dict(config=networks + 'rtmpose-t_8xb64-270e_coco-ubody-wholebody-256x192.py'),
    teacher=dict(config=networks + 'rtmpose-l_8xb64-270e_coco-ubody-wholebody-256x192.py',
                 checkpoint='teacher_chkpts/rtmpose-l_ucoco_256x192-95bb32f5_20230822.pth'))
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
