# Mean Teacher, the same student on a quarter of LSPET and 6,600 people without labels, 96x96, on a CPU.
_base_ = 'moving_average_resnet18_unlabelled_lspet_96x96.py'

splits = _base_.data_root.replace('/lspet/', '/lspet_splits/')
rest = dict(_base_.unlabelled, data_root=_base_.data_root, images=splits + 'rest.txt', boxes=splits + 'rest_boxes.json')
train_dataloader = dict(
    sampler=dict(source_ratio=[4, 1, 3]),
    dataset=dict(datasets=[dict(_base_.labelled, ann_file=splits + 'quarter.json'), rest, _base_.unlabelled]))
