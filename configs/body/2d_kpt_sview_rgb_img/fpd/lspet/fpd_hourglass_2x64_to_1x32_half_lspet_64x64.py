# python tools/train.py configs/body/2d_kpt_sview_rgb_img/fpd/lspet/fpd_hourglass_2x64_to_1x32_half_lspet_64x64.py
# Teacher and student see half of the people, for as many iterations as of all.
_base_ = [
    '../../../../_base_/datasets/lspet_mpii_half_64x64_heatmap.py',
    '../../../../_base_/schedules/adamw_12e.py',
    '../../../../_base_/methods/fpd.py',
    '../../../../_base_/runtime/cpu.py',
]
model = dict(
    type='PoseDistiller',
    student=dict(config='configs/body/2d_kpt_sview_rgb_img/fpd/lspet/hourglass_1x32_lspet_64x64.py',
                 checkpoint='work_dirs/fpd/student/epoch_10.pth'),
    teacher=dict(config='configs/body/2d_kpt_sview_rgb_img/fpd/lspet/hourglass_2x64_half_lspet_64x64.py',
                 checkpoint='teacher_chkpts/hourglass_2x64_half_lspet_64x64.pth'),
    **_base_.fpd)
