# DistilPose-S with corrected losses on COCO, 256x192, on 8 GPUs.
# They follow the paper's formulas where the published code does not (docs/parity.md).
_base_ = 'DistilPose_S_coco_256x192.py'
model = dict(terms=dict(simulated_heatmap=dict(masking='intended'), score=dict(index='heatmap')))
