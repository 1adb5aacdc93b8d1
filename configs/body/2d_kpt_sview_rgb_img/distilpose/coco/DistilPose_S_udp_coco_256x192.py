# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/distilpose/coco/DistilPose_S_udp_coco_256x192.py 8
# The corrected DistilPose-S from a teacher with unbiased data processing.
_base_ = 'DistilPose_S_corrected_coco_256x192.py'
model = dict(teacher=dict(
    config='configs/body/2d_kpt_sview_rgb_img/tokenpose/coco/teacher_hr48_udp_coco_256x192.py',
    checkpoint='teacher_chkpts/tokenpose_hr48_udp_coco_256x192.pth'))
