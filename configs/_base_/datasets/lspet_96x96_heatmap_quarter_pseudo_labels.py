# As lspet_96x96_heatmap_pseudo_labels.py, with the labels of every fourth person.
_base_ = 'lspet_96x96_heatmap_pseudo_labels.py'

train_dataloader = dict(dataset=dict(datasets=[
    dict(_base_.labelled, ann_file=_base_.splits + 'quarter.json'),
    dict(_base_.labelled, ann_file=_base_.splits + 'thunder_rest.json'), _base_.unlabelled]))
