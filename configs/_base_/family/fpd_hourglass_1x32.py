# FPD for the hourglass network 1x32, which was trained on synthetic people before. A leaf adds the teacher.
_base_ = '../methods/fpd.py'

model = dict(
    type='PoseDistiller',
    student=dict(config='configs/body/2d_kpt_sview_rgb_img/fpd/lspet/hourglass_1x32_lspet_64x64.py',
                 checkpoint='work_dirs/fpd/student/epoch_10.pth'),
    **_base_.fpd)
