# DWPose, second stage: RTMPose-x from itself on COCO-WholeBody and UBody, 256x192, on 8 GPUs.
# It has no first stage: no larger network teaches it.
_base_ = ['../../../rtmpose/ubody/rtmpose-x_8xb64-270e_coco-ubody-wholebody-256x192.py',
          '../../../../_base_/methods/dwpose_s2.py']
network = 'configs/wholebody_2d_keypoint/rtmpose/ubody/rtmpose-x_8xb64-270e_coco-ubody-wholebody-256x192.py'
model = dict(
    _delete_=True,
    type='PoseDistiller',
    student=dict(config=network),
    teacher=dict(config=network, checkpoint='teacher_chkpts/rtmpose-x_ucoco_256x192-05f5bcb7_20230822.pth'),
    **_base_.dwpose)
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
train_cfg = dict(max_epochs=60)
