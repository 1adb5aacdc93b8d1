# As lspet_96x96_heatmap_unlabelled.py, with the labels of every fourth person; the others have boxes alone
# (docs/benchmarks/lspet_splits.py).
_base_ = 'lspet_96x96_heatmap_unlabelled.py'

splits = _base_.data_root.replace('/lspet/', '/lspet_splits/')
rest = dict(_base_.unlabelled, data_root=_base_.data_root, images=splits + 'rest.txt', boxes=splits + 'rest_boxes.json')
train_dataloader = dict(dataset=dict(
    datasets=[dict(_base_.labelled, ann_file=splits + 'quarter.json'), rest, _base_.unlabelled]))
