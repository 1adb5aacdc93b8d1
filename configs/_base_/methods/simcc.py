# A coordinate classifier learns the distributions of another, or the marginals of heatmaps. The terms are means over
# the joints, as RTMPose's task loss; where the student's is a sum over them (SimDR's), the weight is their number.
terms = dict(
    simcc=dict(type='SimCCTerm', beta=1.0, weights='gt', weight=1.0),
    marginals=dict(type='HeatmapMarginalTerm', beta=1.0, weights='gt', weight=1.0))
