# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/fpd/coco/fpd_hrnet_w48_to_w32_coco_256x192.py 4
# The student starts from its own checkpoint, which takes ImageNet's place.
_base_ = [
    '../../../../_base_/datasets/simdr/coco_heatmap_256x192.py',
    '../../../../_base_/schedules/adam_210e_fpd.py',
    '../../../../_base_/methods/fpd.py',
    '../../../../_base_/runtime/default.py',
]
student = dict(config='configs/body/2d_kpt_sview_rgb_img/fpd/coco/hrnet_w32_coco_256x192.py',
               checkpoint='teacher_chkpts/hrnet_w32_coco_256x192.pth', backbone=dict(init_cfg=None))
teacher = dict(config='configs/body/2d_kpt_sview_rgb_img/fpd/coco/hrnet_w48_coco_256x192.py',
               checkpoint='teacher_chkpts/hrnet_w48_coco_256x192.pth')
model = dict(type='PoseDistiller', student=student, teacher=teacher, **_base_.fpd)
train_dataloader = dict(batch_size=24)
auto_scale_lr = dict(base_batch_size=96)
