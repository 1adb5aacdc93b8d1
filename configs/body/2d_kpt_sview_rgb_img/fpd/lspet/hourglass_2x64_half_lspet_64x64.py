# python tools/train.py configs/body/2d_kpt_sview_rgb_img/fpd/lspet/hourglass_2x64_half_lspet_64x64.py
# The teacher of half of the people, for as many iterations as that of all.
_base_ = [
    '../../../../_base_/datasets/lspet_mpii_half_64x64_heatmap.py',
    '../../../../_base_/schedules/adamw_12e.py',
    '../../../../_base_/models/hourglass_2x64.py',
    '../../../../_base_/runtime/cpu.py',
]
model = dict(head=dict(decoder=_base_.codec))
load_from = '{{ fileDirname }}'.rsplit('/', 5)[0] + '/work_dirs/fpd/teacher/epoch_14.pth'
optim_wrapper = dict(optimizer=dict(lr=2e-3))  # with larger steps it draws some maps whose peaks are far above 1
