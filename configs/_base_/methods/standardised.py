# Standardised logits.
terms = dict(standardised=dict(type='StandardisedLogitTerm', temperature=2.0, weights='gt', weight=1.0))
