# Terms from any teacher with heatmaps to any student with coordinates and scores.
terms = dict(
    simulated_heatmap=dict(type='SimulatedHeatmapTerm', sigma='learned', masking='intended', weight=1.0),
    score=dict(type='ScoreTerm', index='heatmap', weight=1e-2))
