# Halpe for RTMPose, 256x192: the 26 keypoints of body and feet, of 136, with the augmentation of the whole body.
_base_ = 'wholebody/coco_256x192.py'

dataset_type = 'CombinedDataset'
data_root = '{{ fileDirname }}'.rsplit('/', 3)[0] + '/data/halpe/'
metainfo = dict(from_file='configs/_base_/datasets/halpe26.py')
halpe = dict(type='HalpeDataset', data_mode='topdown', data_root=data_root,
             pipeline=[dict(type='KeypointConverter', num_keypoints=26,
                            mapping=[(index, index) for index in range(26)])])
train_dataloader = dict(dataset=dict(
    _delete_=True, type=dataset_type, metainfo=metainfo, pipeline=_base_.train_pipeline,
    datasets=[dict(halpe, ann_file='annotations/halpe_train_v1.json',
                   data_prefix=dict(img='hico_20160224_det/images/train2015/'))]))
val_dataloader = dict(dataset=dict(
    _delete_=True, type=dataset_type, metainfo=metainfo, pipeline=_base_.val_pipeline, test_mode=True,
    datasets=[dict(halpe, ann_file='annotations/halpe_val_v1.json', data_prefix=dict(img='val2017/'),
                   test_mode=True)]))
test_dataloader = val_dataloader

val_evaluator = dict(_delete_=True, type='PCKAccuracy', thr=0.1)
test_evaluator = val_evaluator
