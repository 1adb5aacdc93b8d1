# Pixel-wise divergence of heatmaps: a pixel is a distribution over keypoints.
terms = dict(pixels=dict(type='MapDivergenceTerm', over='channels', maps='heatmaps', temperature=0.1, weight=1.0))
