# HRNet-W32 from HRNet-W48 on COCO. A leaf adds the terms of a method.
_base_ = ['../datasets/simdr/coco_heatmap_256x192.py', 'fpd_hrnet.py']
networks = 'configs/body/2d_kpt_sview_rgb_img/fpd/coco/'
model = dict(
    type='PoseDistiller',
    student=dict(config=networks + 'hrnet_w32_coco_256x192.py'),
    teacher=dict(config=networks + 'hrnet_w48_coco_256x192.py', checkpoint='teacher_chkpts/hrnet_w48_coco_256x192.pth'))
train_dataloader = dict(batch_size=24)
auto_scale_lr = dict(base_batch_size=96)
