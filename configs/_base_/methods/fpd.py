# FPD with its published alpha of 0.5: 1 - alpha of the task, alpha of the teacher, each summed over the stacks. An
# image without annotations has the teacher's part alone, in full.
fpd = dict(
    task_weight=0.5,
    terms=dict(heatmaps=dict(type='HeatmapTerm', labelled_weight=0.5, unlabelled_weight=1.0)))
