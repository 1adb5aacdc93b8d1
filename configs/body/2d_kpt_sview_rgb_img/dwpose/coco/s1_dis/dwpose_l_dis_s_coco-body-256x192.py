# DWPose, first stage: RTMPose-s from RTMPose-l on COCO, 256x192, on 8 GPUs.
_base_ = 'dwpose_l_dis_m_coco-body-256x192.py'
model = dict(student=dict(config=_base_.networks + 'rtmpose-s_8xb256-420e_coco-256x192.py'))
optim_wrapper = dict(optimizer=dict(weight_decay=0.0))
