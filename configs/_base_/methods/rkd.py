# RKD between the samples of a batch, in their pooled feature maps, with its proportion of distances and angles.
terms = dict(relations=dict(type='SampleRelationTerm', distance=1.0, angle=2.0, weight=0.05))
