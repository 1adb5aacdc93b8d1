# RTMPose-xs of body and feet alone on synthetic people, 128x96, on a CPU: an expert of experts/synthetic.
_base_ = 'rtmpose-xs_synthetic-128x96.py'

dataset_type = 'CombinedDataset'
count = 23
metainfo = dict(from_file='{{ fileDirname }}/../../../_base_/keypoints/wholebody_body_feet.py')
convert = dict(type='KeypointConverter', num_keypoints=count, mapping=[(index, index) for index in range(count)])
model = dict(head=dict(out_channels=count))
train_dataloader = dict(dataset=dict(
    _delete_=True, type=dataset_type, metainfo=metainfo, pipeline=_base_.train_pipeline,
    datasets=[dict(_base_.train_dataloader.dataset, pipeline=[convert])]))
val_dataloader = dict(dataset=dict(
    _delete_=True, type=dataset_type, metainfo=metainfo, pipeline=_base_.val_pipeline, test_mode=True,
    datasets=[dict(_base_.val_dataloader.dataset, pipeline=[convert])]))
test_dataloader = val_dataloader

val_evaluator = dict(_delete_=True, type='PCKAccuracy', thr=0.05)
test_evaluator = val_evaluator
