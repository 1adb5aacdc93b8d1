# RTMPose's schedule for the whole body: 270 epochs of AdamW at 4e-3, the second half on a cosine to a twentieth.
train_cfg = dict(by_epoch=True, max_epochs=270, val_interval=10)
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=4e-3, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0, bypass_duplicate=True))
param_scheduler = [
    dict(type='LinearLR', begin=0, end=1000, start_factor=1e-5, by_epoch=False),
    dict(type='CosineAnnealingLR', begin=135, end=270, T_max=135, eta_min=2e-4, by_epoch=True,
         convert_to_iter_based=True),
]
auto_scale_lr = dict(base_batch_size=512)
