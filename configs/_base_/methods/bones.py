# Relative lengths of bones and the angles between them. They warm up, as RKD between joints does.
terms = dict(bones=dict(type='BoneVectorTerm', bones='coco', length=1.0, angle=1.0, weight=0.1, schedule='warmup'))
