# RTMPose-t from RTMPose-l on COCO. A leaf adds the terms of a method.
# The student's loss, a sum over the batch, is that of 16 people in a batch of any size: terms are means.
_base_ = 'rtmpose_coco_256x192.py'
networks = 'configs/body/2d_kpt_sview_rgb_img/rtmpose/coco/'
model = dict(
    type='PoseDistiller',
    student=dict(config=networks + 'rtmpose-t_8xb256-420e_coco-256x192.py',
                 head=dict(loss=dict(type='ReferenceBatchKLDiscretLoss', reference_batch=16))),
    teacher=dict(config=networks + 'rtmpose-l_8xb256-420e_coco-256x192.py',
                 checkpoint='teacher_chkpts/rtmpose-l_simcc-coco_pt-aic-coco_420e-256x192-1352a4d2_20230127.pth'))
optim_wrapper = dict(optimizer=dict(weight_decay=0.0))
custom_hooks = [_base_.switch]
