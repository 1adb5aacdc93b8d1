# CrowdPose as the rows of SimDR were trained with mmpose 0.x: wider scaling than on COCO, 40 degrees.
_base_ = 'coco.py'

dataset_type = 'CrowdPoseDataset'
data_root = '{{ fileDirname }}'.rsplit('/', 4)[0] + '/data/crowdpose/'

train_pipeline = _base_.train_pipeline
train_pipeline[4] = dict(type='RandomScaleRotation', scale_factor=0.5, rotation_factor=40, rotation_prob=0.6)
train_dataloader = dict(
    batch_size=64,
    dataset=dict(type=dataset_type, data_root=data_root, ann_file='annotations/mmpose_crowdpose_trainval.json',
                 data_prefix=dict(img='images/'), pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(type=dataset_type, data_root=data_root, ann_file='annotations/mmpose_crowdpose_test.json',
                 bbox_file=data_root + 'annotations/det_for_crowd_test_0.1_0.5.json',
                 data_prefix=dict(img='images/')))
test_dataloader = val_dataloader

val_evaluator = dict(ann_file=data_root + 'annotations/mmpose_crowdpose_test.json', use_area=False,
                     iou_type='keypoints_crowd', prefix='crowdpose')
test_evaluator = val_evaluator
