# python tools/train.py configs/body/2d_kpt_sview_rgb_img/fpd/mpii/fpd_hourglass_8x256_to_4x128_mpii_256x256.py
# The student starts from its training without a teacher, as the published row does; see docs/fpd.md for one that does
# not.
_base_ = ['hourglass_4x128_mpii_256x256.py', '../../../../_base_/methods/fpd.py']
model = dict(
    _delete_=True,
    type='PoseDistiller',
    student=dict(config='configs/body/2d_kpt_sview_rgb_img/fpd/mpii/hourglass_4x128_mpii_256x256.py',
                 checkpoint='teacher_chkpts/hourglass_4x128_mpii_256x256.pth'),
    teacher=dict(config='configs/body/2d_kpt_sview_rgb_img/fpd/mpii/hourglass_8x256_mpii_256x256.py',
                 checkpoint='teacher_chkpts/hourglass_8x256_mpii_256x256.pth'),
    **_base_.fpd)
