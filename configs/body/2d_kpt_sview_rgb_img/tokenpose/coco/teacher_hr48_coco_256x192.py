# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/tokenpose/coco/teacher_hr48_coco_256x192.py 8
_base_ = [
    '../../../../_base_/datasets/coco_256x192_heatmap.py',
    '../../../../_base_/schedules/adam_300e.py',
    '../../../../_base_/models/tokenpose_hr48.py',
    '../../../../_base_/runtime/default.py',
]
