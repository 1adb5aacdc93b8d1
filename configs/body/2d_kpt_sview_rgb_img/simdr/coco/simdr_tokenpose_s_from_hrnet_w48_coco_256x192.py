# SimDR with TokenPose-S from SimDR with HRNet-W48 on COCO, 256x192, on 4 GPUs.
# The weight sums the term over the 17 joints, as the task loss does.
_base_ = 'simdr_tokenpose_s_coco_256x192.py'
model = dict(
    _delete_=True,
    type='PoseDistiller',
    student=dict(config='configs/body/2d_kpt_sview_rgb_img/simdr/coco/simdr_tokenpose_s_coco_256x192.py'),
    teacher=dict(config='configs/body/2d_kpt_sview_rgb_img/simdr/coco/simdr_hrnet_w48_coco_256x192.py',
                 checkpoint='teacher_chkpts/simdr_hrnet_w48_coco_256x192.pth'),
    terms=dict(simcc=dict(type='SimCCTerm', beta=1.0, weights='gt', weight=17.0)))
