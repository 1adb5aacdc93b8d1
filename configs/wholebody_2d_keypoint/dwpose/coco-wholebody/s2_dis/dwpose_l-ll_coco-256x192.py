# DWPose, second stage: RTMPose-l from itself on COCO-WholeBody, 256x192, on 8 GPUs.
# The teacher is the published RTMPose-l: a first stage from RTMPose-x is published at 384x288 only.
_base_ = 'dwpose_m-mm_coco-256x192.py'
network = 'configs/wholebody_2d_keypoint/rtmpose/coco-wholebody/rtmpose-l_8xb64-270e_coco-wholebody-256x192.py'
model = dict(student=dict(config=network),
             teacher=dict(config=network, checkpoint='teacher_chkpts/rtmpose-l_simcc-coco-wholebody_'
                                                     'pt-aic-coco_270e-256x192-6f206314_20230124.pth'))
