# LSPET for heatmaps, 64x64, with the 14 keypoints of Leeds Sports Pose: MPII's without pelvis and thorax.
_base_ = 'lspet_mpii_64x64_heatmap.py'

dataset_type = 'CombinedDataset'
data_root = '{{ fileDirname }}'.rsplit('/', 3)[0] + '/data/lspet/'
metainfo = dict(from_file='{{ fileDirname }}/../keypoints/lsp.py')
lspet = dict(type='ZeroBasedMpiiDataset', data_mode='topdown', data_root=data_root, data_prefix=dict(img='images/'),
             pipeline=[dict(type='KeypointConverter', num_keypoints=14,
                            mapping=[*((index, index) for index in range(6)),
                                     *((index + 4, index) for index in range(6, 12)), (8, 12), (9, 13)])])
train_dataloader = dict(dataset=dict(_delete_=True, type=dataset_type, metainfo=metainfo,
                                     datasets=[dict(lspet, ann_file='annot/train.json')],
                                     pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(_delete_=True, type=dataset_type, metainfo=metainfo, test_mode=True,
                                   datasets=[dict(lspet, ann_file='annot/val.json', test_mode=True)],
                                   pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(_delete_=True, type='PCKAccuracy', thr=0.1)
test_evaluator = val_evaluator
