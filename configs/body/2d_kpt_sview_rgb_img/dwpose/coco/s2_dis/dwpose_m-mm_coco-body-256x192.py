# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/dwpose/coco/s2_dis/dwpose_m-mm_coco-body-256x192.py 8
_base_ = ['../../../rtmpose/coco/rtmpose-m_8xb256-420e_coco-256x192.py',
          '../../../../../_base_/methods/dwpose_s2.py']
network = 'configs/body/2d_kpt_sview_rgb_img/rtmpose/coco/rtmpose-m_8xb256-420e_coco-256x192.py'
model = dict(
    _delete_=True,
    type='PoseDistiller',
    student=dict(config=network),
    teacher=dict(config=network, checkpoint='teacher_chkpts/dwpose_l_dis_m_coco-body-256x192.pth'),
    **_base_.dwpose)
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
train_cfg = dict(max_epochs=80)
