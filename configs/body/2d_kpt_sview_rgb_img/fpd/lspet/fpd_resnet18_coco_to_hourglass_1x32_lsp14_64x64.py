# python tools/train.py \
#     configs/body/2d_kpt_sview_rgb_img/fpd/lspet/fpd_resnet18_coco_to_hourglass_1x32_lsp14_64x64.py
# A teacher of COCO's 17 joints for LSP's 14: neck and top of the head, which it does not know, are left to the labels.
_base_ = ['hourglass_1x32_lsp14_64x64.py', '../../../../_base_/methods/fpd.py']
model = dict(
    _delete_=True,
    type='PoseDistiller',
    student=dict(config='configs/body/2d_kpt_sview_rgb_img/fpd/lspet/hourglass_1x32_lsp14_64x64.py'),
    teacher=dict(config='configs/body/2d_kpt_sview_rgb_img/simdr/lspet/heatmap_resnet18_from_synthetic_lspet_64x64.py',
                 checkpoint='teacher_chkpts/heatmap_resnet18_lspet_64x64.pth', keypoints='auto'),
    **_base_.fpd)
