# FPD of hourglass 8x256 to 4x128 with unlabelled images on MPII, 256x256, on 1 GPU.
# One image of four is from data/unlabelled/, any folder of images without annotations; see docs/unlabelled.md.
_base_ = 'fpd_hourglass_8x256_to_4x128_mpii_256x256.py'

train_pipeline = [*_base_.train_pipeline[:-1], dict(type='PackMixedPoseInputs')]
keypoints = dict(from_file='configs/_base_/datasets/mpii.py')
labelled = dict(_base_.train_dataloader.dataset, pipeline=[])
unlabelled = dict(type='UnlabelledImages', data_root='{{ fileDirname }}'.rsplit('/', 5)[0] + '/data/unlabelled/',
                  metainfo=keypoints, indices=10000)
train_dataloader = dict(
    sampler=dict(_delete_=True, type='MultiSourceSampler', batch_size=4, source_ratio=[3, 1]),
    dataset=dict(_delete_=True, type='CombinedDataset', metainfo=keypoints, datasets=[labelled, unlabelled],
                 pipeline=train_pipeline))
