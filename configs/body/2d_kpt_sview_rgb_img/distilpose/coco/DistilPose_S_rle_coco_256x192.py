# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/distilpose/coco/DistilPose_S_rle_coco_256x192.py 8
# The corrected DistilPose-S with residual log-likelihood (Li et al., ICCV 2021) as its task loss.
# That loss sums over joints; 1 / 34 makes it a mean again, against which the terms were weighed.
_base_ = 'DistilPose_S_corrected_coco_256x192.py'
model = dict(
    student=dict(head=dict(loss=dict(_delete_=True, type='RLELoss', use_target_weight=True))),
    task_weight=1 / 34)
