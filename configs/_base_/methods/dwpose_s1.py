# DWPose's first stage: the teacher's last feature map and logits, with weights that fall to zero epoch by epoch.
dwpose = dict(terms=dict(
    feature=dict(type='FeatureTerm', weight=7e-5, schedule='linear_decay', by_epoch=True),
    logit=dict(type='SimCCTerm', beta=10.0, weight=0.1, schedule='linear_decay', by_epoch=True)))
