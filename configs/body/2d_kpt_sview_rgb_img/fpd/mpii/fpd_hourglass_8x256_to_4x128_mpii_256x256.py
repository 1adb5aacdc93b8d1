# FPD of hourglass 8x256 to 4x128 on MPII, 256x256, on 1 GPU.
# The student starts from the weights of its training without a teacher, as in the published row.
_base_ = ['../../../../_base_/family/hourglass_mpii_256x256.py', '../../../../_base_/methods/fpd.py']
model = dict(
    type='PoseDistiller',
    student=dict(config='configs/body/2d_kpt_sview_rgb_img/fpd/mpii/hourglass_4x128_mpii_256x256.py',
                 checkpoint='teacher_chkpts/hourglass_4x128_mpii_256x256.pth'),
    teacher=dict(config='configs/body/2d_kpt_sview_rgb_img/fpd/mpii/hourglass_8x256_mpii_256x256.py',
                 checkpoint='teacher_chkpts/hourglass_8x256_mpii_256x256.pth'),
    **_base_.fpd)
