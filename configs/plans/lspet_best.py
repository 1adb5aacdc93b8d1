# A student worth having: the largest one that takes a tenth of MoveNet Thunder's time on a CPU, from all labels of
# LSPET and from the teacher on 7,200 people (docs/benchmarks/best_student.md).
name = 'lspet_best'
results = 'docs/benchmarks/results/lspet_best'
seeds = [0]
fast = 'auto'
models = dict(best=dict(
    title='ResNet-18 of width 48, FPD',
    config='configs/body/2d_kpt_sview_rgb_img/movenet/lspet/fpd_thunder_to_resnet18_w48_unlabelled_lspet_96x96.py',
    options={
        'train_cfg.max_epochs': 30,
        'param_scheduler.1.end': 30,
        'train_cfg.val_interval': 5,
        'optim_wrapper.optimizer.lr': 4e-3,
        'optim_wrapper.optimizer.weight_decay': 0.1,
        'default_hooks.checkpoint.max_keep_ckpts': 1,
        'default_hooks.checkpoint.save_best': None,
        'default_hooks.crop_store.folder': 'work_dirs/crops/unlabelled',
        'default_hooks.teacher_cache.folder': 'work_dirs/thunder'}))
