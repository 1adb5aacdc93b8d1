# ./tools/dist_train.sh configs/wholebody_2d_keypoint/dwpose/coco-wholebody/s1_dis/dwpose_x_dis_l_coco-384x288.py 8
_base_ = ['../../../rtmpose/coco-wholebody/rtmpose-l_8xb32-270e_coco-wholebody-384x288.py',
          '../../../../_base_/methods/dwpose_s1.py']
networks = 'configs/wholebody_2d_keypoint/rtmpose/coco-wholebody/'
model = dict(
    _delete_=True,
    type='PoseDistiller',
    student=dict(config=networks + 'rtmpose-l_8xb32-270e_coco-wholebody-384x288.py'),
    teacher=dict(config=networks + 'rtmpose-x_8xb32-270e_coco-wholebody-384x288.py',
                 checkpoint='teacher_chkpts/rtmpose-x_simcc-coco-wholebody_'
                            'pt-body7_270e-384x288-401dfc90_20230629.pth'),
    **_base_.dwpose)
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
