# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/distilpose/coco/DistilPose_S_corrected_coco_256x192.py 8
# DistilPose-S with the losses as its formulas say instead of as its code computes them (docs/parity.md).
_base_ = 'DistilPose_S_coco_256x192.py'
model = dict(terms=dict(simulated_heatmap=dict(masking='intended'), score=dict(index='heatmap')))
