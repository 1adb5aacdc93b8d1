# A student worth having: the largest one that takes a tenth of MoveNet Thunder's time on a CPU, from all labels of
# LSPET and from the teacher on 7,200 people, and what a fifth of its training gives (docs/benchmarks/best_student.md).
_base_ = '../_base_/plans/lspet.py'

name = 'lspet_best'
results = 'docs/benchmarks/results/lspet_best'
seeds = [0]


def _model(title, epochs, batch_size, **options):
    return dict(
        title=title,
        config='configs/body/2d_kpt_sview_rgb_img/movenet/lspet/fpd_thunder_to_resnet18_w48_unlabelled_lspet_96x96.py',
        options={
            'train_cfg.max_epochs': epochs,
            'param_scheduler.1.end': epochs,
            'train_dataloader.batch_size': batch_size,
            'optim_wrapper.optimizer.lr': 4e-3,
            'optim_wrapper.optimizer.weight_decay': 0.1,
            'default_hooks.crop_store.folder': 'work_dirs/crops/unlabelled',
            'default_hooks.teacher_cache.folder': 'work_dirs/thunder',
            **options})


models = dict(
    best=_model('ResNet-18 of width 48, FPD, 150 epochs', 150, 64, **{
        'train_dataloader.num_workers': 4,
        'train_dataloader.persistent_workers': True,
        'train_cfg.val_interval': 25}),
    short=_model('ResNet-18 of width 48, FPD, 30 epochs', 30, 32, **{'train_cfg.val_interval': 5}))
