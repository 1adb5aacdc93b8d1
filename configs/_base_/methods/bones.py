# Relative lengths of bones and the angles between them.
terms = dict(bones=dict(type='BoneVectorTerm', bones='coco', length=1.0, angle=1.0, weight=0.1))
