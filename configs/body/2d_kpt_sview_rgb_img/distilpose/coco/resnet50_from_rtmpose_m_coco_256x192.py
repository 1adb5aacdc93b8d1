# ResNet-50, which regresses coordinates, from mmpose's RTMPose-m on COCO, 256x192, on 8 GPUs.
# The outer product of the teacher's SimCC distributions of x and y is its heatmap.
_base_ = 'resnet50_from_hrnet_w48_coco_256x192.py'
model = dict(teacher=dict(
    config='mmpose::body_2d_keypoint/rtmpose/coco/rtmpose-m_8xb256-420e_coco-256x192.py',
    checkpoint='teacher_chkpts/rtmpose-m_simcc-coco_pt-aic-coco_420e-256x192-d8dd5ca4_20230127.pth',
    heatmaps=dict(size=(48, 64), sigma=2)))
