# DistilPose-S with mmpose 1.x's augmentation on COCO, 256x192, on 8 GPUs.
# Its random numbers are truncated normals instead of clipped ones.
_base_ = 'DistilPose_S_coco_256x192.py'

train_pipeline = [step for step in _base_.train_pipeline
                  if step['type'] not in ('RandomBBoxCenterShift', 'RandomScaleRotation')]
train_pipeline.insert(4, dict(type='RandomBBoxTransform', shift_factor=0.2, shift_prob=0.3, scale_factor=(0.65, 1.35),
                              scale_prob=1.0, rotate_factor=90, rotate_prob=0.6))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
