# LSPET with labels, and 4,800 other people of the same set with boxes alone, half of each batch.
_base_ = 'lspet_mpii_64x64_heatmap.py'

train_pipeline = [*_base_.train_pipeline[:-1], dict(type='PackMixedPoseInputs')]
keypoints = dict(from_file='configs/_base_/datasets/mpii.py')
labelled = dict(_base_.train_dataloader.dataset, pipeline=[])
unlabelled = dict(type='UnlabelledImages', data_root=_base_.data_root.replace('/lspet/', '/lspet_unlabelled/'),
                  images='images/', boxes='boxes.json', metainfo=keypoints)
train_dataloader = dict(
    sampler=dict(_delete_=True, type='MultiSourceSampler', batch_size=16, source_ratio=[1, 1]),
    dataset=dict(_delete_=True, type='CombinedDataset', metainfo=keypoints, datasets=[labelled, unlabelled],
                 pipeline=train_pipeline))
