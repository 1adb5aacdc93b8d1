# LSPET's 2,400 people with labels and 4,800 others with pseudo-labels of MoveNet Thunder, each joint of which is
# weighted by its certainty, 96x96 (docs/benchmarks/lspet_splits.py).
_base_ = 'lspet_96x96_heatmap.py'

splits = _base_.data_root.replace('/lspet/', '/lspet_splits/')
thunder = _base_.data_root.replace('/lspet/', '/lspet_thunder/')
keypoints = dict(from_file='configs/_base_/datasets/coco.py')
train_pipeline = [*_base_.train_pipeline[:-1], dict(type='WeighByCertainty'), _base_.train_pipeline[-1]]
labelled = dict(_base_.train_dataloader.dataset, pipeline=[])
unlabelled = dict(labelled, data_root=_base_.data_root.replace('/lspet/', '/lspet_unlabelled/'),
                  ann_file=thunder + 'unlabelled.json', data_prefix=dict(img=''))
train_dataloader = dict(dataset=dict(
    _delete_=True, type='CombinedDataset', metainfo=keypoints, datasets=[labelled, unlabelled],
    pipeline=train_pipeline))
