# The order of ODKD (arXiv 2104.10414): the weaker teacher first, then the stronger one. A leaf names the teachers, with
# these schedules. The order is the paper's; the turn at one half and the weights, which are FPD's, are ours. The paper
# has segmentation masks and binarised heatmaps beside it.
first = dict(schedule=dict(type='window', start=0.0, end=0.5))
second = dict(schedule=dict(type='window', start=0.5, end=1.0))
in_order = dict(
    task_weight=0.5,
    terms=dict(heatmaps=dict(type='HeatmapTerm', labelled_weight=0.5, unlabelled_weight=1.0)))
