# RKD: distances and angles between the samples of a batch, in their pooled feature maps.
terms = dict(relations=dict(type='SampleRelationTerm', distance=25.0, angle=50.0, weight=1.0))
