# DistilPose-S, corrected, from a teacher with unbiased data processing (UDP) on COCO, 256x192, on 8 GPUs.
_base_ = 'DistilPose_S_corrected_coco_256x192.py'
model = dict(teacher=dict(
    config='configs/body/2d_kpt_sview_rgb_img/tokenpose/coco/teacher_hr48_udp_coco_256x192.py',
    checkpoint='teacher_chkpts/tokenpose_hr48_udp_coco_256x192.pth'))
