# Attention transfer between the last feature maps.
terms = dict(attention=dict(type='AttentionTerm', weight=1000.0))
