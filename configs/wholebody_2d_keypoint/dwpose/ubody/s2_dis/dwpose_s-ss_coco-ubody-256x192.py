# ./tools/dist_train.sh configs/wholebody_2d_keypoint/dwpose/ubody/s2_dis/dwpose_s-ss_coco-ubody-256x192.py 8
_base_ = ['../../../rtmpose/ubody/rtmpose-s_8xb64-270e_coco-ubody-wholebody-256x192.py',
          '../../../../_base_/methods/dwpose_s2.py']
network = 'configs/wholebody_2d_keypoint/rtmpose/ubody/rtmpose-s_8xb64-270e_coco-ubody-wholebody-256x192.py'
model = dict(
    _delete_=True,
    type='PoseDistiller',
    student=dict(config=network),
    teacher=dict(config=network, checkpoint='teacher_chkpts/dwpose_l_dis_s_coco-ubody-256x192.pth'),
    **_base_.dwpose)
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
train_cfg = dict(max_epochs=60)
