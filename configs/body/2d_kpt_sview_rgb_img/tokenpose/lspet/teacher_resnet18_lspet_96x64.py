# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/tokenpose/lspet/teacher_resnet18_lspet_96x64.py 1
_base_ = [
    '../../../../_base_/datasets/lspet_96x64_heatmap.py',
    '../../../../_base_/schedules/adamw_30e.py',
    '../../../../_base_/models/tokenpose_xs_96x64.py',
    '../../../../_base_/runtime/default.py',
]
