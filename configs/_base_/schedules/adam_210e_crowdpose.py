# SimDR's schedule on CrowdPose, from mmpose 0.x: 210 epochs of Adam at 5e-4, 8 GPUs x 64 images.
_base_ = 'adam_210e.py'

optim_wrapper = dict(optimizer=dict(lr=5e-4))
param_scheduler = [
    dict(type='LinearLR', begin=0, end=500, start_factor=0.001, by_epoch=False),
    dict(type='MultiStepLR', begin=0, end=210, milestones=[170, 200], gamma=0.1, by_epoch=True),
]
auto_scale_lr = dict(base_batch_size=512)
