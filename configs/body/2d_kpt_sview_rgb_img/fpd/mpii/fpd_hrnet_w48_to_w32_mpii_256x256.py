# python tools/train.py configs/body/2d_kpt_sview_rgb_img/fpd/mpii/fpd_hrnet_w48_to_w32_mpii_256x256.py
# Its settings are published, but no result. The student starts from its own checkpoint, which takes ImageNet's place.
_base_ = [
    '../../../../_base_/datasets/mpii_256x256_heatmap.py',
    '../../../../_base_/schedules/adam_20e_fpd.py',
    '../../../../_base_/methods/fpd.py',
    '../../../../_base_/runtime/default.py',
]
student = dict(config='configs/body/2d_kpt_sview_rgb_img/fpd/mpii/hrnet_w32_mpii_256x256.py',
               checkpoint='teacher_chkpts/hrnet_w32_mpii_256x256.pth', backbone=dict(init_cfg=None))
teacher = dict(config='configs/body/2d_kpt_sview_rgb_img/fpd/mpii/hrnet_w48_mpii_256x256.py',
               checkpoint='teacher_chkpts/hrnet_w48_mpii_256x256.pth')
model = dict(type='PoseDistiller', student=student, teacher=teacher, **_base_.fpd)
train_dataloader = dict(batch_size=16)
