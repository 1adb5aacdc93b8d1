# AdamW with warm-up and a cosine: 10 epochs, minutes on a laptop.
train_cfg = dict(by_epoch=True, max_epochs=10, val_interval=1000)
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.01))
param_scheduler = [
    dict(type='LinearLR', begin=0, end=50, start_factor=0.01, by_epoch=False),
    dict(type='CosineAnnealingLR', begin=0, end=10, eta_min=1e-5, by_epoch=True, convert_to_iter_based=True),
]
