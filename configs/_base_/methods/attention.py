# Attention transfer between the last feature maps. Its paper and those of the methods beside it have no poses. Their
# weights give gradients like those of RTMPose's loss, and a twentieth of them like those of heatmaps.
terms = dict(attention=dict(type='AttentionTerm', reduction='sum', weight=0.04))
