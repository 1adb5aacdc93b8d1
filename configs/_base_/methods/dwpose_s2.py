# DWPose's second stage: a new head learns the logits of the trained one, on its frozen backbone, and nothing else.
dwpose = dict(share_backbone=True, task_weight=0.0, terms=dict(logit=dict(type='SimCCTerm', beta=10.0)))
