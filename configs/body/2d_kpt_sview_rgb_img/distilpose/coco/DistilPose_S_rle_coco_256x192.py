# DistilPose-S, corrected, with residual log-likelihood (Li et al., ICCV 2021) on COCO, 256x192, on 8 GPUs.
# That task loss is a sum over keypoints and axes. The weight of 1 / 34 makes it a mean, which the weights of the
# terms were chosen for.
_base_ = 'DistilPose_S_corrected_coco_256x192.py'
model = dict(
    student=dict(head=dict(loss=dict(_delete_=True, type='RLELoss', use_target_weight=True))),
    task_weight=1 / 34)
