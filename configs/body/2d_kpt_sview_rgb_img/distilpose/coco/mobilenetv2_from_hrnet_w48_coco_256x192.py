# MobileNetV2, which regresses coordinates, from heatmaps of mmpose's HRNet-W48 on COCO, 256x192, on 8 GPUs.
_base_ = 'resnet50_from_hrnet_w48_coco_256x192.py'
model = dict(student=dict(
    config='mmpose::body_2d_keypoint/topdown_regression/coco/td-reg_mobilenetv2_rle-pretrained-8xb64-210e_coco-256x192.py',
    head=dict(in_channels=1280)))
