# LSPET for heatmaps, 64x64, with the 21 keypoints of COCO and MPII: 14 of them are annotated.
_base_ = 'lspet_14_64x64_heatmap.py'

metainfo = dict(from_file='{{ fileDirname }}/../keypoints/coco_mpii.py')
lspet = dict(_base_.lspet, pipeline=[dict(
    type='KeypointConverter', num_keypoints=21,
    mapping=[(0, 16), (1, 14), (2, 12), (3, 11), (4, 13), (5, 15), (6, 17), (7, 18), (8, 19), (9, 20), (10, 10),
             (11, 8), (12, 6), (13, 5), (14, 7), (15, 9)])])
train_dataloader = dict(dataset=dict(metainfo=metainfo, datasets=[dict(lspet, ann_file='annot/train.json')]))
val_dataloader = dict(dataset=dict(
    metainfo=metainfo, datasets=[dict(lspet, ann_file='annot/val.json', test_mode=True)]))
test_dataloader = val_dataloader
