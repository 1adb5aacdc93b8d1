# DIST: correlations of SimCC distributions, along the bins of each and of each bin over the joints of a batch.
terms = dict(correlation=dict(
    type='DistributionRelationTerm', inter=1.0, intra=1.0, beta=1.0, weights='gt', weight=0.1))
