# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/simdr/coco/simdr_hrnet_w32_from_heatmaps_coco_256x192.py 4
# Heatmaps teach a coordinate classifier by their marginals. Like the task loss, the term is a sum over the 17 joints.
_base_ = 'simdr_hrnet_w32_coco_256x192.py'
model = dict(
    _delete_=True,
    type='PoseDistiller',
    student=dict(config='configs/body/2d_kpt_sview_rgb_img/simdr/coco/simdr_hrnet_w32_coco_256x192.py'),
    teacher=dict(config='configs/body/2d_kpt_sview_rgb_img/simdr/coco/heatmap_hrnet_w48_coco_256x192.py',
                 checkpoint='teacher_chkpts/heatmap_hrnet_w48_coco_256x192.pth'),
    terms=dict(marginals=dict(type='HeatmapMarginalTerm', beta=1.0, weights='gt', weight=17.0)))
