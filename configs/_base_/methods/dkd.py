# DKD: the target bin, the teacher's peak, apart from all others, with the default proportion of its published code.
terms = dict(decoupled=dict(
    type='DecoupledTerm', target_weight=1.0, other_weight=8.0, temperature=1.0, beta=1.0, weights='gt', weight=0.01))
