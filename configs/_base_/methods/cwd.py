# CWD: a channel is a distribution over pixels. Of heatmaps, or of the last feature maps at the published temperature.
terms = dict(
    channels=dict(type='MapDivergenceTerm', over='pixels', maps='heatmaps', temperature=0.1, weight=0.05),
    channels_of_features=dict(type='MapDivergenceTerm', over='pixels', temperature=4.0, weight=1.0))
