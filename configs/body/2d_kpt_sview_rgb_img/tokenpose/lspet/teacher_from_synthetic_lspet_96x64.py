# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/tokenpose/lspet/teacher_from_synthetic_lspet_96x64.py 1
# The teacher goes on from that of ./tools/quickstart.sh --seed 0, which knows synthetic people.
_base_ = [
    '../../../../_base_/datasets/lspet_96x64_heatmap.py',
    '../../../../_base_/schedules/adamw_15e.py',
    '../../../../_base_/models/tokenpose_xs_96x64.py',
    '../../../../_base_/runtime/default.py',
]
load_from = '{{ fileDirname }}'.rsplit('/', 5)[0] + '/work_dirs/quickstart/seed_0/teacher/weights.pth'
