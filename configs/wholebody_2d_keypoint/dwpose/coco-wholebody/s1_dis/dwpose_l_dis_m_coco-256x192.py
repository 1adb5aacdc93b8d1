# DWPose, first stage: RTMPose-m from RTMPose-l on COCO-WholeBody, 256x192, on 8 GPUs.
_base_ = ['../../../../_base_/family/rtmpose_wholebody_256x192.py', '../../../../_base_/family/dwpose_s1.py']
networks = 'configs/wholebody_2d_keypoint/rtmpose/coco-wholebody/'
model = dict(
    student=dict(config=networks + 'rtmpose-m_8xb64-270e_coco-wholebody-256x192.py'),
    teacher=dict(config=networks + 'rtmpose-l_8xb64-270e_coco-wholebody-256x192.py',
                 checkpoint='teacher_chkpts/rtmpose-l_simcc-coco-wholebody_'
                            'pt-aic-coco_270e-256x192-6f206314_20230124.pth'))
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
