# FPD of HRNet-W48 to HRNet-W32 with unlabelled images on COCO, 256x192, on 4 GPUs.
# One image of four is from unlabeled2017. 50,000 of them make an epoch one pass over the labelled people.
_base_ = 'fpd_hrnet_w48_to_w32_coco_256x192.py'

train_pipeline = [*_base_.train_pipeline[:-1], dict(type='PackMixedPoseInputs')]
keypoints = dict(from_file='configs/_base_/datasets/coco.py')
labelled = dict(_base_.train_dataloader.dataset, pipeline=[])
unlabelled = dict(type='UnlabelledImages', data_root=_base_.data_root, images='unlabeled2017/', metainfo=keypoints,
                  indices=50000)
train_dataloader = dict(
    sampler=dict(_delete_=True, type='MultiSourceSampler', batch_size=24, source_ratio=[3, 1]),
    dataset=dict(_delete_=True, type='CombinedDataset', metainfo=keypoints, datasets=[labelled, unlabelled],
                 pipeline=train_pipeline))
