# COCO for RTMPose, 256x192, with the augmentation of the whole body.
_base_ = 'wholebody/coco_256x192.py'

dataset_type = 'CocoDataset'
train_dataloader = dict(
    batch_size=256, dataset=dict(type=dataset_type, ann_file='annotations/person_keypoints_train2017.json'))
val_dataloader = dict(
    batch_size=64, dataset=dict(type=dataset_type, ann_file='annotations/person_keypoints_val2017.json'))
test_dataloader = val_dataloader

val_evaluator = dict(type='CocoMetric', ann_file=_base_.data_root + 'annotations/person_keypoints_val2017.json')
test_evaluator = val_evaluator
