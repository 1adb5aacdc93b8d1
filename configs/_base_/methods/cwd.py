# CWD: a channel is a distribution over pixels. For heatmaps, or for feature maps with the published numbers.
terms = dict(
    channels=dict(type='MapDivergenceTerm', over='pixels', maps='heatmaps', temperature=0.1, weight=1.0),
    channels_of_features=dict(type='MapDivergenceTerm', over='pixels', temperature=4.0, weight=50.0))
