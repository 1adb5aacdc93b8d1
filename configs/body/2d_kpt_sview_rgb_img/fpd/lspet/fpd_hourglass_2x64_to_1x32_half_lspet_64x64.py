# FPD of hourglass 2x64 to 1x32 on half of LSPET, 64x64, on a CPU.
_base_ = ['../../../../_base_/family/fpd_lspet_half_64x64.py', '../../../../_base_/family/fpd_hourglass_1x32.py']
model = dict(teacher=dict(config='configs/body/2d_kpt_sview_rgb_img/fpd/lspet/hourglass_2x64_half_lspet_64x64.py',
                          checkpoint='teacher_chkpts/hourglass_2x64_half_lspet_64x64.pth'))
