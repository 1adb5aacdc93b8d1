# Mean Teacher: HRNet-W32, trained on COCO before, with unlabelled images, 256x192, on 4 GPUs.
_base_ = ['fpd_hrnet_w48_to_w32_unlabelled_coco_256x192.py', '../../../../_base_/methods/moving_average.py']

train_pipeline = [*_base_.train_pipeline[:-2], *_base_.strong, *_base_.train_pipeline[-2:]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
model = dict(_delete_=True, type='PoseDistiller', student=_base_.student, **_base_.moving_average)
model['terms']['heatmaps']['unlabelled_weight'] = 2.0  # the task loss has no factor of a half, and the term has
