# Lengths of bones and angles between them.
terms = dict(bones=dict(type='BoneVectorTerm', bones='coco', length=1.0, angle=1.0, weight=1.0))
