# The first half of LSPET with labels, and the images of the other half with boxes alone (docs/benchmarks/fpd.md).
_base_ = 'lspet_mpii_64x64_heatmap.py'

train_pipeline = [*_base_.train_pipeline[:-1], dict(type='PackMixedPoseInputs')]
keypoints = dict(from_file='configs/_base_/datasets/mpii.py')
labelled = dict(_base_.train_dataloader.dataset, indices=1200, pipeline=[])
unlabelled = dict(type='UnlabelledImages', data_root=_base_.data_root, images='unlabelled.txt',
                  boxes='unlabelled_boxes.json', metainfo=keypoints)
train_dataloader = dict(dataset=dict(
    _delete_=True, type='CombinedDataset', metainfo=keypoints, datasets=[labelled, unlabelled],
    pipeline=train_pipeline))
