# DistilPose's three kinds of terms with the published weights. `official` is the published code where it differs from
# the paper's formulas (docs/parity.md).
teacher = dict(
    config='configs/body/2d_kpt_sview_rgb_img/tokenpose/coco/teacher_hr48_coco_256x192.py',
    checkpoint='teacher_chkpts/tokenpose_hr48_coco_256x192.pth')
terms = dict(
    visual_tokens=dict(type='TokenTerm', tokens='visual', weight=5e-4),
    keypoint_tokens=dict(type='TokenTerm', tokens='keypoint', weight=5e-4),
    simulated_heatmap=dict(type='SimulatedHeatmapTerm', sigma='predicted', masking='official', weight=1.0),
    score=dict(type='ScoreTerm', index='official', weight=1e-2))
