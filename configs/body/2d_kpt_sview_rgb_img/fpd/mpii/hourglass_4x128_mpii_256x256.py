# python tools/train.py configs/body/2d_kpt_sview_rgb_img/fpd/mpii/hourglass_4x128_mpii_256x256.py
# FPD's student without a teacher.
_base_ = [
    '../../../../_base_/datasets/mpii_256x256_heatmap.py',
    '../../../../_base_/schedules/adam_140e_fpd.py',
    '../../../../_base_/models/hourglass_4x128.py',
    '../../../../_base_/runtime/default.py',
]
model = dict(head=dict(decoder=_base_.codec))
train_dataloader = dict(batch_size=4)
