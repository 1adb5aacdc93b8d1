# CrowdPose for a network that draws heatmaps, with mmpose's annotation files and detections: AP of all images, and of
# easy, medium and hard ones by how crowded they are.
_base_ = 'coco_256x192_heatmap.py'

dataset_type = 'CrowdPoseDataset'
data_root = '{{ fileDirname }}'.rsplit('/', 3)[0] + '/data/crowdpose/'
codec = dict(type='MSRAHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2, unbiased=False)

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomHalfBody', min_total_keypoints=9, padding=1.5, prob=0.3, upper_prioritized_prob=0.7),
    dict(type='RandomScaleRotation', scale_factor=0.5, rotation_factor=40, rotation_prob=0.6),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]

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
