# ./tools/dist_train.sh configs/wholebody_2d_keypoint/dwpose/ubody/s1_dis/dwpose_l_dis_s_coco-ubody-256x192.py 8
_base_ = ['../../../rtmpose/ubody/rtmpose-s_8xb64-270e_coco-ubody-wholebody-256x192.py',
          '../../../../_base_/methods/dwpose_s1.py']
networks = 'configs/wholebody_2d_keypoint/rtmpose/ubody/'
model = dict(
    _delete_=True,
    type='PoseDistiller',
    student=dict(config=networks + 'rtmpose-s_8xb64-270e_coco-ubody-wholebody-256x192.py'),
    teacher=dict(config=networks + 'rtmpose-l_8xb64-270e_coco-ubody-wholebody-256x192.py',
                 checkpoint='teacher_chkpts/rtmpose-l_ucoco_256x192-95bb32f5_20230822.pth'),
    **_base_.dwpose)
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
