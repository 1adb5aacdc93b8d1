# ResNet-50, which regresses coordinates, from heatmaps of mmpose's HRNet-W48 on COCO, 256x192, on 8 GPUs.
_base_ = ['../../../../_base_/family/distilpose_coco_256x192.py',
          '../../../../_base_/models/direct_regression.py',
          '../../../../_base_/methods/any_heatmap_teacher.py']
student = dict(config='mmpose::body_2d_keypoint/topdown_regression/coco/td-reg_res50_8xb64-210e_coco-256x192.py',
               **_base_.direct_regression)
teacher = dict(
    config='mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w48_8xb32-210e_coco-256x192.py',
    checkpoint='teacher_chkpts/td-hm_hrnet-w48_8xb32-210e_coco-256x192-0e67c616_20220913.pth')
model = dict(type='PoseDistiller', student=student, teacher=teacher, terms=_base_.terms)
