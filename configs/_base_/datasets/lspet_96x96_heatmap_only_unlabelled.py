# As lspet_96x96_heatmap_unlabelled.py, without labels.
_base_ = 'lspet_96x96_heatmap_unlabelled.py'

splits = _base_.data_root.replace('/lspet/', '/lspet_splits/')
train = dict(_base_.unlabelled, data_root=_base_.data_root, images=splits + 'train.txt',
             boxes=splits + 'train_boxes.json')
train_dataloader = dict(dataset=dict(datasets=[train, _base_.unlabelled]))
