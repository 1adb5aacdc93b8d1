# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/simdr/coco/simdr_tokenpose_s_from_hrnet_w48_coco_256x192.py 4
# One coordinate classifier teaches another. Like the task loss, the term is made a sum over the 17 joints.
_base_ = 'simdr_tokenpose_s_coco_256x192.py'
model = dict(
    _delete_=True,
    type='PoseDistiller',
    student=dict(config='configs/body/2d_kpt_sview_rgb_img/simdr/coco/simdr_tokenpose_s_coco_256x192.py'),
    teacher=dict(config='configs/body/2d_kpt_sview_rgb_img/simdr/coco/simdr_hrnet_w48_coco_256x192.py',
                 checkpoint='teacher_chkpts/simdr_hrnet_w48_coco_256x192.pth'),
    terms=dict(simcc=dict(type='SimCCTerm', beta=1.0, weights='gt', weight=17.0)))
