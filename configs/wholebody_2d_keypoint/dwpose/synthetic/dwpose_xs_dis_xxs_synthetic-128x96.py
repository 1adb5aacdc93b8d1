# DWPose, first stage: RTMPose-xxs from RTMPose-xs on synthetic people, 128x96, on a CPU.
_base_ = ['../../rtmpose/synthetic/rtmpose-xxs_synthetic-128x96.py', '../../../_base_/methods/dwpose_s1.py']
networks = 'configs/wholebody_2d_keypoint/rtmpose/synthetic/'
model = dict(
    _delete_=True,
    type='PoseDistiller',
    student=dict(config=networks + 'rtmpose-xxs_synthetic-128x96.py'),
    teacher=dict(config=networks + 'rtmpose-xs_synthetic-128x96.py',
                 checkpoint='teacher_chkpts/rtmpose-xs_synthetic-128x96.pth'),
    **_base_.dwpose)
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
