# FPD of MoveNet Thunder to TokenPose on LSPET and 4,800 people without labels, 96x96, on a CPU.
_base_ = 'fpd_thunder_to_resnet18_unlabelled_lspet_96x96.py'
model = dict(student=dict(config='configs/body/2d_kpt_sview_rgb_img/movenet/lspet/tokenpose_resnet18_lspet_96x96.py'))
