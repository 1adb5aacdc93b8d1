# DWPose, first stage: RTMPose-m from RTMPose-l on COCO, 256x192, on 8 GPUs.
_base_ = ['../../../../../_base_/family/rtmpose_coco_256x192.py', '../../../../../_base_/family/dwpose_s1.py']
networks = 'configs/body/2d_kpt_sview_rgb_img/rtmpose/coco/'
model = dict(
    student=dict(config=networks + 'rtmpose-m_8xb256-420e_coco-256x192.py'),
    teacher=dict(config=networks + 'rtmpose-l_8xb256-420e_coco-256x192.py',
                 checkpoint='teacher_chkpts/rtmpose-l_simcc-coco_pt-aic-coco_420e-256x192-1352a4d2_20230127.pth'))
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
