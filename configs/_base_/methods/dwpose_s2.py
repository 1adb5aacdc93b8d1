# DWPose's second stage: a new head on the frozen backbone learns the logits of the trained head, and no labels.
dwpose = dict(share_backbone=True, task_weight=0.0, terms=dict(logit=dict(type='SimCCTerm', beta=10.0)))
