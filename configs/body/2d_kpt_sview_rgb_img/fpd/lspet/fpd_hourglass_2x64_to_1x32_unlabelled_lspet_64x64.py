# FPD of hourglass 2x64 to 1x32 on half of LSPET and the images of the other half, 64x64, on a CPU.
_base_ = ['../../../../_base_/datasets/lspet_mpii_unlabelled_64x64_heatmap.py',
          '../../../../_base_/schedules/adamw_6e.py',
          '../../../../_base_/runtime/cpu.py',
          '../../../../_base_/family/fpd_hourglass_1x32.py']
model = dict(teacher=dict(config='configs/body/2d_kpt_sview_rgb_img/fpd/lspet/hourglass_2x64_half_lspet_64x64.py',
                          checkpoint='teacher_chkpts/hourglass_2x64_half_lspet_64x64.pth'))
