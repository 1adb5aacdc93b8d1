# python tools/train.py configs/body/2d_kpt_sview_rgb_img/fpd/mpii/fpd_hourglass_8x256_to_4x128_scratch_mpii_256x256.py
# The published FPD*: the student starts from nothing.
_base_ = 'fpd_hourglass_8x256_to_4x128_mpii_256x256.py'
model = dict(student=dict(checkpoint=None))
