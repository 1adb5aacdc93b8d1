# CrowdPose for heatmaps, with mmpose's annotation files and detections. AP of all images, and of easy, medium and hard
# ones by the index of crowding.
_base_ = 'coco_256x192_heatmap.py'

from distilpose.data_config import change_step

dataset_type = 'CrowdPoseDataset'
data_root = '{{ fileDirname }}'.rsplit('/', 3)[0] + '/data/crowdpose/'
codec = dict(type='MSRAHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2, unbiased=False)

train_pipeline = [step for step in _base_.train_pipeline if step['type'] != 'RandomBBoxCenterShift']
train_pipeline = change_step(train_pipeline, 'RandomHalfBody', upper_prioritized_prob=0.7)
train_pipeline = change_step(train_pipeline, 'GenerateTarget', encoder=codec)

train_dataloader = dict(
    dataset=dict(type=dataset_type, data_root=data_root, ann_file='annotations/mmpose_crowdpose_trainval.json',
                 data_prefix=dict(img='images/'), pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(type=dataset_type, data_root=data_root, ann_file='annotations/mmpose_crowdpose_test.json',
                 data_prefix=dict(img='images/'),
                 bbox_file=data_root + 'annotations/det_for_crowd_test_0.1_0.5.json'))
test_dataloader = val_dataloader

val_evaluator = dict(type='CocoMetric', ann_file=data_root + 'annotations/mmpose_crowdpose_test.json', use_area=False,
                     iou_type='keypoints_crowd', prefix='crowdpose')
test_evaluator = val_evaluator
