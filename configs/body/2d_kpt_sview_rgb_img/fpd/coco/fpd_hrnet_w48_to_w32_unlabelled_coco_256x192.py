# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/fpd/coco/fpd_hrnet_w48_to_w32_unlabelled_coco_256x192.py 4
# One of four images comes from COCO's unlabeled2017, of which 50,000 make an epoch one pass over the labelled people.
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
