# Terms from SimCC distributions or heatmaps to a SimCC student. They are means over keypoints, as RTMPose's loss is;
# where the student's loss is a sum over keypoints (SimDR), multiply the weight by their number.
terms = dict(
    simcc=dict(type='SimCCTerm', beta=1.0, weights='gt', weight=1.0),
    marginals=dict(type='HeatmapMarginalTerm', beta=1.0, weights='gt', weight=1.0))
