# FPD of HRNet-W48 to HRNet-W32 on MPII, 256x256, on 1 GPU. The settings are published, a result is not.
# The student starts from its own checkpoint instead of ImageNet's weights.
_base_ = ['../../../../_base_/datasets/mpii_256x256_heatmap.py',
          '../../../../_base_/schedules/adam_20e_fpd.py',
          '../../../../_base_/methods/fpd.py',
          '../../../../_base_/runtime/default.py']
student = dict(config='configs/body/2d_kpt_sview_rgb_img/fpd/mpii/hrnet_w32_mpii_256x256.py',
               checkpoint='teacher_chkpts/hrnet_w32_mpii_256x256.pth', backbone=dict(init_cfg=None))
teacher = dict(config='configs/body/2d_kpt_sview_rgb_img/fpd/mpii/hrnet_w48_mpii_256x256.py',
               checkpoint='teacher_chkpts/hrnet_w48_mpii_256x256.pth')
model = dict(type='PoseDistiller', student=student, teacher=teacher, **_base_.fpd)
train_dataloader = dict(batch_size=16)
