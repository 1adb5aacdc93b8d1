# RTMPose-xs of face and hands alone on synthetic people, 128x96, on a CPU: an expert of experts/synthetic.
_base_ = 'rtmpose-xs_body-feet_synthetic-128x96.py'

count = 110
metainfo = dict(from_file='{{ fileDirname }}/../../../_base_/keypoints/wholebody_face_hands.py')
convert = dict(type='KeypointConverter', num_keypoints=count, mapping=[(index + 23, index) for index in range(count)])
model = dict(head=dict(out_channels=count))
train_dataloader = dict(dataset=dict(
    metainfo=metainfo, datasets=[dict(_base_.train_dataloader.dataset.datasets[0], pipeline=[convert])]))
val_dataloader = dict(dataset=dict(
    metainfo=metainfo, datasets=[dict(_base_.val_dataloader.dataset.datasets[0], pipeline=[convert])]))
test_dataloader = val_dataloader
