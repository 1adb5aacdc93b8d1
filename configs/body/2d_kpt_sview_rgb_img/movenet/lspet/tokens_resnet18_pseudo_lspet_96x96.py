# The same student from pseudo-labels of MoveNet Thunder, weighted by its certainty, on LSPET, 96x96, on a CPU.
_base_ = 'tokens_resnet18_lspet_96x96.py'

train_pipeline = [*_base_.train_pipeline[:-1], dict(type='WeighByCertainty'), _base_.train_pipeline[-1]]
train_dataloader = dict(dataset=dict(
    ann_file=_base_.data_root.replace('/lspet/', '/lspet_splits/') + 'thunder_train.json', pipeline=train_pipeline))
