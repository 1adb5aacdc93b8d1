# HRNet-W16 from HRNet-W32, then from HRNet-W48, in the order of ODKD, on COCO, 256x192, on 4 GPUs.
_base_ = ['hrnet_w16_coco_256x192.py', '../../../../_base_/methods/two_teachers_in_order.py']
model = dict(
    _delete_=True,
    type='PoseDistiller',
    student=dict(config='configs/body/2d_kpt_sview_rgb_img/several_teachers/coco/hrnet_w16_coco_256x192.py'),
    teachers=dict(
        primary=dict(config='configs/body/2d_kpt_sview_rgb_img/fpd/coco/hrnet_w32_coco_256x192.py',
                     checkpoint='teacher_chkpts/hrnet_w32_coco_256x192.pth', **_base_.first),
        senior=dict(config='configs/body/2d_kpt_sview_rgb_img/fpd/coco/hrnet_w48_coco_256x192.py',
                    checkpoint='teacher_chkpts/hrnet_w48_coco_256x192.pth', **_base_.second)),
    **_base_.in_order)
