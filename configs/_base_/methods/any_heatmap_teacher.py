# What any heatmap teacher can tell any student that regresses coordinates and scores: where, and how sure.
terms = dict(
    simulated_heatmap=dict(type='SimulatedHeatmapTerm', sigma='learned', masking='intended', weight=1.0),
    score=dict(type='ScoreTerm', index='heatmap', weight=1e-2))
