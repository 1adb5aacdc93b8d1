# As lspet_96x96_heatmap_pseudo_labels.py, without labels.
_base_ = 'lspet_96x96_heatmap_pseudo_labels.py'

train_dataloader = dict(dataset=dict(datasets=[
    dict(_base_.labelled, ann_file=_base_.splits + 'thunder_train.json'), _base_.unlabelled]))
