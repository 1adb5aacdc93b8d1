# DistilPose-XS from synthetic people and a teacher with unbiased data processing (UDP) on LSPET, 96x64, on a CPU.
_base_ = 'DistilPose_XS_from_synthetic_lspet_96x64.py'

model = dict(teacher=dict(
    config='configs/body/2d_kpt_sview_rgb_img/tokenpose/lspet/teacher_udp_from_synthetic_lspet_96x64.py',
    checkpoint='teacher_chkpts/tokenpose_udp_from_synthetic_lspet_96x64.pth'))
