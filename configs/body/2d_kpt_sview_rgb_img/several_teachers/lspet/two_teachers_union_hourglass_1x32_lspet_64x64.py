# Hourglass 1x32 with 21 keypoints from two teachers (COCO's 17 and MPII's 16) on LSPET, 64x64, on a CPU.
# The skeleton and the teachers' definitions are those of arXiv 2405.20084, which trains on COCO and MPII; networks and
# weights are ours. Nose, eyes and ears learn from the first teacher alone, which LSPET does not annotate.
_base_ = ['hourglass_1x32_21_lspet_64x64.py', '../../../../_base_/methods/two_teachers_union.py']
model = dict(
    _delete_=True,
    type='PoseDistiller',
    student=dict(config='configs/body/2d_kpt_sview_rgb_img/several_teachers/lspet/hourglass_1x32_21_lspet_64x64.py'),
    teachers=dict(
        coco=dict(config='configs/body/2d_kpt_sview_rgb_img/simdr/lspet/heatmap_resnet18_from_synthetic_lspet_64x64.py',
                  checkpoint='teacher_chkpts/heatmap_resnet18_lspet_64x64.pth', keypoints='auto'),
        mpii=dict(config='configs/body/2d_kpt_sview_rgb_img/fpd/lspet/hourglass_2x64_lspet_64x64.py',
                  checkpoint='teacher_chkpts/hourglass_2x64_lspet_64x64.pth', keypoints='auto')),
    **_base_.union)
