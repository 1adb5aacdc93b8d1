# SimDR with HRNet-W32 from heatmaps of HRNet-W48 on COCO, 256x192, on 4 GPUs.
# The student learns the marginals of the teacher's heatmaps. The weight sums the term over the 17 joints, as the task
# loss does.
_base_ = 'simdr_hrnet_w32_coco_256x192.py'
model = dict(
    _delete_=True,
    type='PoseDistiller',
    student=dict(config='configs/body/2d_kpt_sview_rgb_img/simdr/coco/simdr_hrnet_w32_coco_256x192.py'),
    teacher=dict(config='configs/body/2d_kpt_sview_rgb_img/simdr/coco/heatmap_hrnet_w48_coco_256x192.py',
                 checkpoint='teacher_chkpts/heatmap_hrnet_w48_coco_256x192.pth'),
    terms=dict(marginals=dict(type='HeatmapMarginalTerm', beta=1.0, weights='gt', weight=17.0)))
