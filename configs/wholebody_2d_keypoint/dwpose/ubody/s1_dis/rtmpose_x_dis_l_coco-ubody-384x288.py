# ./tools/dist_train.sh configs/wholebody_2d_keypoint/dwpose/ubody/s1_dis/rtmpose_x_dis_l_coco-ubody-384x288.py 8
_base_ = ['../../../rtmpose/ubody/rtmpose-l_8xb32-270e_coco-ubody-wholebody-384x288.py',
          '../../../../_base_/methods/dwpose_s1.py']
networks = 'configs/wholebody_2d_keypoint/rtmpose/ubody/'
model = dict(
    _delete_=True,
    type='PoseDistiller',
    student=dict(config=networks + 'rtmpose-l_8xb32-270e_coco-ubody-wholebody-384x288.py'),
    teacher=dict(config=networks + 'rtmpose-x_8xb32-270e_coco-ubody-wholebody-384x288.py',
                 checkpoint='teacher_chkpts/rtmpose-x_ucoco_384x288-f5b50679_20230822.pth'),
    **_base_.dwpose)
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
