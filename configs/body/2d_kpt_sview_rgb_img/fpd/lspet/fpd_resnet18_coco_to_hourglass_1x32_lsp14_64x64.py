# FPD of ResNet-18 (COCO's 17 keypoints) to hourglass 1x32 (14 keypoints) on LSPET, 64x64, on a CPU.
# Neck and top of the head, which the teacher does not have, learn from the labels alone.
_base_ = ['hourglass_1x32_lsp14_64x64.py', '../../../../_base_/methods/fpd.py']
model = dict(
    _delete_=True,
    type='PoseDistiller',
    student=dict(config='configs/body/2d_kpt_sview_rgb_img/fpd/lspet/hourglass_1x32_lsp14_64x64.py'),
    teacher=dict(config='configs/body/2d_kpt_sview_rgb_img/simdr/lspet/heatmap_resnet18_from_synthetic_lspet_64x64.py',
                 checkpoint='teacher_chkpts/heatmap_resnet18_lspet_64x64.pth', keypoints='auto'),
    **_base_.fpd)
