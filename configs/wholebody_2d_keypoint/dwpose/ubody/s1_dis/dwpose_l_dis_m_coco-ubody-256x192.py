# DWPose, first stage: RTMPose-m from RTMPose-l on COCO-WholeBody and UBody, 256x192, on 8 GPUs.
_base_ = 'dwpose_l_dis_t_coco-ubody-256x192.py'
model = dict(student=dict(config=_base_.networks + 'rtmpose-m_8xb64-270e_coco-ubody-wholebody-256x192.py'))
