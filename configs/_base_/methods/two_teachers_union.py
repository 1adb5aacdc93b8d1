# Teachers of different keypoints for a student of all of them: joints that one teacher alone has are its own, those of
# both are the mean. The teachers supervise every joint, also those that the labels do not have.
union = dict(
    task_weight=0.5,
    combine='mean',
    terms=dict(heatmaps=dict(type='HeatmapTerm', weights='none', labelled_weight=0.5, unlabelled_weight=1.0)))
