# FPD with the published alpha of 0.5: 1 - alpha for the task, alpha for the teacher, each summed over the stacks.
# Images without annotations have the teacher's term alone, with a weight of 1.
fpd = dict(
    task_weight=0.5,
    terms=dict(heatmaps=dict(type='HeatmapTerm', labelled_weight=0.5, unlabelled_weight=1.0)))
