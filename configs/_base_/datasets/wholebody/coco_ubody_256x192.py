# COCO-WholeBody and UBody for RTMPose, 256x192, which DWPose trains on; tests are on COCO-WholeBody. data_root has the
# folders coco and UBody.
_base_ = 'coco_256x192.py'

data_root = '{{ fileDirname }}'.rsplit('/', 4)[0] + '/data/'
scenes = ['Magic_show', 'Entertainment', 'ConductMusic', 'Online_class', 'TalkShow', 'Speech', 'Fitness', 'Interview',
          'Olympic', 'TVShow', 'Singing', 'SignLanguage', 'Movie', 'LiveVlog', 'VideoConference']

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='CombinedDataset',
        metainfo=dict(from_file='configs/_base_/datasets/coco_wholebody.py'),
        datasets=[
            dict(type='CocoWholeBodyDataset', data_mode='topdown', data_root=data_root + 'coco/',
                 ann_file='annotations/coco_wholebody_train_v1.0.json', data_prefix=dict(img='train2017/')),
            dict(type='UBodyDataset', data_mode='topdown', data_root=data_root + 'UBody/', ann_file='annotations/',
                 data_prefix=dict(img='images/'), scenes=scenes, split='train', sample_interval=10)],
        pipeline=_base_.train_pipeline))
val_dataloader = dict(
    dataset=dict(data_root=data_root + 'coco/',
                 bbox_file=data_root + 'coco/person_detection_results/COCO_val2017_detections_AP_H_56_person.json'))
test_dataloader = val_dataloader

val_evaluator = dict(ann_file=data_root + 'coco/annotations/coco_wholebody_val_v1.0.json')
test_evaluator = val_evaluator
