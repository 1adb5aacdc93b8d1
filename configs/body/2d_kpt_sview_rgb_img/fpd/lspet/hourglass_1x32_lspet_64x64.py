# python tools/train.py configs/body/2d_kpt_sview_rgb_img/fpd/lspet/hourglass_1x32_lspet_64x64.py
# The student without a teacher; it goes on from configs/quickstart/fpd_student.py.
_base_ = [
    '../../../../_base_/datasets/lspet_mpii_64x64_heatmap.py',
    '../../../../_base_/schedules/adamw_6e.py',
    '../../../../_base_/models/hourglass_1x32.py',
    '../../../../_base_/runtime/cpu.py',
]
model = dict(head=dict(decoder=_base_.codec))
load_from = '{{ fileDirname }}'.rsplit('/', 5)[0] + '/work_dirs/fpd/student/epoch_10.pth'
