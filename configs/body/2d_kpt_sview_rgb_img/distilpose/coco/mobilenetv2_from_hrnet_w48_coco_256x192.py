# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/distilpose/coco/mobilenetv2_from_hrnet_w48_coco_256x192.py 8
# The same teacher for a MobileNetV2.
_base_ = 'resnet50_from_hrnet_w48_coco_256x192.py'
model = dict(student=dict(
    config='mmpose::body_2d_keypoint/topdown_regression/coco/td-reg_mobilenetv2_rle-pretrained-8xb64-210e_coco-256x192.py',
    head=dict(in_channels=1280)))
