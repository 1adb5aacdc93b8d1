# LSPET with labels, and 4,800 other people of the same set with boxes alone, shuffled together, 96x96.
_base_ = 'lspet_96x96_heatmap.py'

train_pipeline = [*_base_.train_pipeline[:-1], dict(type='PackMixedPoseInputs')]
keypoints = dict(from_file='configs/_base_/datasets/coco.py')
labelled = dict(_base_.train_dataloader.dataset, pipeline=[])
unlabelled = dict(type='UnlabelledImages', data_root=_base_.data_root.replace('/lspet/', '/lspet_unlabelled/'),
                  images='images/', boxes='boxes.json', metainfo=keypoints)
train_dataloader = dict(dataset=dict(
    _delete_=True, type='CombinedDataset', metainfo=keypoints, datasets=[labelled, unlabelled],
    pipeline=train_pipeline))
