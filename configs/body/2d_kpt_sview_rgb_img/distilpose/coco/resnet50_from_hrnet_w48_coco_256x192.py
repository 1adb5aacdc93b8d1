# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/distilpose/coco/resnet50_from_hrnet_w48_coco_256x192.py 8
# mmpose's HRNet-W48 heatmap network teaches a ResNet-50 that regresses directly.
_base_ = [
    '../../../../_base_/datasets/coco_256x192_regression.py',
    '../../../../_base_/schedules/adam_300e.py',
    '../../../../_base_/models/direct_regression.py',
    '../../../../_base_/methods/any_heatmap_teacher.py',
    '../../../../_base_/runtime/default.py',
]
student = dict(config='mmpose::body_2d_keypoint/topdown_regression/coco/td-reg_res50_8xb64-210e_coco-256x192.py',
               **_base_.direct_regression)
teacher = dict(
    config='mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w48_8xb32-210e_coco-256x192.py',
    checkpoint='teacher_chkpts/td-hm_hrnet-w48_8xb32-210e_coco-256x192-0e67c616_20220913.pth')
model = dict(type='PoseDistiller', student=student, teacher=teacher, terms=_base_.terms)
