# LSPET for heatmaps, 64x64, with the 21 keypoints of COCO and MPII: 14 of them are annotated.
_base_ = 'lspet_mpii_64x64_heatmap.py'

dataset_type = 'CombinedDataset'
data_root = '{{ fileDirname }}'.rsplit('/', 3)[0] + '/data/lspet/'
metainfo = dict(from_file='{{ fileDirname }}/../keypoints/coco_mpii.py')
lspet = dict(type='ZeroBasedMpiiDataset', data_mode='topdown', data_root=data_root, data_prefix=dict(img='images/'),
             pipeline=[dict(type='KeypointConverter', num_keypoints=21,
                            mapping=[(0, 16), (1, 14), (2, 12), (3, 11), (4, 13), (5, 15), (6, 17), (7, 18), (8, 19),
                                     (9, 20), (10, 10), (11, 8), (12, 6), (13, 5), (14, 7), (15, 9)])])
train_dataloader = dict(dataset=dict(_delete_=True, type=dataset_type, metainfo=metainfo,
                                     datasets=[dict(lspet, ann_file='annot/train.json')],
                                     pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(_delete_=True, type=dataset_type, metainfo=metainfo, test_mode=True,
                                   datasets=[dict(lspet, ann_file='annot/val.json', test_mode=True)],
                                   pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(_delete_=True, type='PCKAccuracy', thr=0.1)
test_evaluator = val_evaluator
