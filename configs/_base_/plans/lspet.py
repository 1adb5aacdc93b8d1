# What plans of small students on LSPET have in common: fast trainings and few checkpoints. The last one is measured.
fast = 'auto'
options = {
    'train_cfg.val_interval': 20,
    'default_hooks.checkpoint.interval': 5,
    'default_hooks.checkpoint.max_keep_ckpts': 1,
    'default_hooks.checkpoint.save_best': None}
