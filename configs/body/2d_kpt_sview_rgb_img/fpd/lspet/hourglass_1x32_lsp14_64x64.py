# python tools/train.py configs/body/2d_kpt_sview_rgb_img/fpd/lspet/hourglass_1x32_lsp14_64x64.py
# The small hourglass with the 14 joints that Leeds Sports Pose labels.
_base_ = [
    '../../../../_base_/datasets/lspet_14_64x64_heatmap.py',
    '../../../../_base_/schedules/adamw_6e.py',
    '../../../../_base_/models/hourglass_1x32.py',
    '../../../../_base_/runtime/cpu.py',
]
model = dict(backbone=dict(num_keypoints=14), head=dict(in_channels=14, out_channels=14, decoder=_base_.codec))
