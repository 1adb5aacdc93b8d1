# PKD: correlations of the channels of the last feature maps.
terms = dict(pearson=dict(type='PearsonTerm', weight=0.5))
