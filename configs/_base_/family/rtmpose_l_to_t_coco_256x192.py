# RTMPose-t from RTMPose-l on COCO. A leaf adds the terms of a method.
_base_ = 'rtmpose_coco_256x192.py'
networks = 'configs/body/2d_kpt_sview_rgb_img/rtmpose/coco/'
model = dict(
    type='PoseDistiller',
    student=dict(config=networks + 'rtmpose-t_8xb256-420e_coco-256x192.py'),
    teacher=dict(config=networks + 'rtmpose-l_8xb256-420e_coco-256x192.py',
                 checkpoint='teacher_chkpts/rtmpose-l_simcc-coco_pt-aic-coco_420e-256x192-1352a4d2_20230127.pth'))
optim_wrapper = dict(optimizer=dict(weight_decay=0.0))
custom_hooks = [_base_.switch]
