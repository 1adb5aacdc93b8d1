# FPD of HRNet-W48 to HRNet-W32 on COCO, 256x192, on 4 GPUs.
# The student starts from its own checkpoint instead of ImageNet's weights.
_base_ = ['../../../../_base_/datasets/simdr/coco_heatmap_256x192.py',
          '../../../../_base_/methods/fpd.py',
          '../../../../_base_/family/fpd_hrnet.py']
student = dict(config='configs/body/2d_kpt_sview_rgb_img/fpd/coco/hrnet_w32_coco_256x192.py',
               checkpoint='teacher_chkpts/hrnet_w32_coco_256x192.pth', backbone=dict(init_cfg=None))
teacher = dict(config='configs/body/2d_kpt_sview_rgb_img/fpd/coco/hrnet_w48_coco_256x192.py',
               checkpoint='teacher_chkpts/hrnet_w48_coco_256x192.pth')
model = dict(type='PoseDistiller', student=student, teacher=teacher, **_base_.fpd)
train_dataloader = dict(batch_size=24)
auto_scale_lr = dict(base_batch_size=96)
