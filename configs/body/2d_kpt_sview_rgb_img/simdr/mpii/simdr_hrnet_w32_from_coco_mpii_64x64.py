# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/simdr/mpii/simdr_hrnet_w32_from_coco_mpii_64x64.py 4
# A teacher of COCO's 17 joints for MPII's 16: twelve are the same, pelvis and thorax are the middle of two, and neck
# and head top are left to the labels. Its larger crop is square too. The term is a mean over bins, as the task loss.
_base_ = 'simdr_hrnet_w32_mpii_64x64.py'
model = dict(
    _delete_=True,
    type='PoseDistiller',
    student=dict(config='configs/body/2d_kpt_sview_rgb_img/simdr/mpii/simdr_hrnet_w32_mpii_64x64.py'),
    teacher=dict(
        config='configs/body/2d_kpt_sview_rgb_img/simdr/coco/heatmap_hrnet_w32_coco_128x128.py',
        checkpoint='teacher_chkpts/heatmap_hrnet_w32_coco_128x128.pth',
        keypoints=dict(
            right_ankle='right_ankle', right_knee='right_knee', right_hip='right_hip', left_hip='left_hip',
            left_knee='left_knee', left_ankle='left_ankle', right_wrist='right_wrist', right_elbow='right_elbow',
            right_shoulder='right_shoulder', left_shoulder='left_shoulder', left_elbow='left_elbow',
            left_wrist='left_wrist', pelvis=('left_hip', 'right_hip'), thorax=('left_shoulder', 'right_shoulder'))),
    terms=dict(marginals=dict(type='HeatmapMarginalTerm', beta=1.0, weights='gt', weight=1 / 128)))
