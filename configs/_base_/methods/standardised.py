# Standardised logits at the published temperature.
terms = dict(standardised=dict(type='StandardisedLogitTerm', temperature=2.0, weights='gt', weight=0.2))
