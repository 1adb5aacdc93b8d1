# COCO with the augmentation of SimDR and TokenPose on HRNet: clipped normals, half bodies, no shift of boxes.
_base_ = '../coco_256x192_regression.py'

train_pipeline = [step for step in _base_.train_pipeline if step['type'] != 'RandomBBoxCenterShift']
train_dataloader = dict(batch_size=32, dataset=dict(pipeline=train_pipeline))
