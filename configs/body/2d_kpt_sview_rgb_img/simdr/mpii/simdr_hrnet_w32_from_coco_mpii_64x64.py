# SimDR with HRNet-W32 from heatmaps of HRNet-W32 (COCO, 128x128) on MPII, 64x64, on 4 GPUs.
# Of MPII's 16 joints, COCO's 17 have twelve; pelvis and thorax are the middle of two; neck and head top learn from
# the labels alone. The teacher's crop is larger, and square too. The term is a mean over bins, as the task loss.
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
