# python tools/train.py configs/body/2d_kpt_sview_rgb_img/fpd/mpii/hourglass_8x256_mpii_256x256.py
# FPD's teacher. Its published file is named after 140 epochs, as trained here; the YAML beside it says 150, with drops
# at 120 and 140.
_base_ = [
    '../../../../_base_/datasets/mpii_256x256_heatmap.py',
    '../../../../_base_/schedules/adam_140e_fpd.py',
    '../../../../_base_/models/hourglass_8x256.py',
    '../../../../_base_/runtime/default.py',
]
model = dict(head=dict(decoder=_base_.codec))
train_dataloader = dict(batch_size=4)
