# A student worth having: the largest ones that take a tenth of MoveNet Thunder's time on a CPU, from all labels of
# LSPET and from the teacher on 7,200 people (docs/benchmarks/best_student.md).
_base_ = '../_base_/plans/lspet.py'

name = 'lspet_best'
results = 'docs/benchmarks/results/lspet_best'
seeds = [0]


def _model(title, config, epochs, batch_size, **options):
    return dict(
        title=title,
        config=f'configs/body/2d_kpt_sview_rgb_img/movenet/lspet/fpd_thunder_to_{config}.py',
        options={
            'train_cfg.max_epochs': epochs,
            'param_scheduler.1.end': epochs,
            'train_dataloader.batch_size': batch_size,
            'optim_wrapper.optimizer.lr': 4e-3,
            'optim_wrapper.optimizer.weight_decay': 0.1,
            'default_hooks.teacher_cache.folder': 'work_dirs/thunder',
            **options})


_wide, _large = 'resnet18_w48_unlabelled_lspet_96x96', 'resnet18_unlabelled_lspet_128x128'
_wide_crops = {'default_hooks.crop_store.folder': 'work_dirs/crops/unlabelled'}
_large_crops = {'default_hooks.crop_store.folder': 'work_dirs/crops/unlabelled_128'}
models = dict(
    best=_model('ResNet-18 of width 48, 96x96, FPD, 150 epochs', _wide, 150, 64, **_wide_crops, **{
        'train_dataloader.num_workers': 4,
        'train_dataloader.persistent_workers': True,
        'train_cfg.val_interval': 25}),
    short=_model('ResNet-18 of width 48, 96x96, FPD, 30 epochs', _wide, 30, 32, **_wide_crops,
                 **{'train_cfg.val_interval': 5}),
    large=_model('ResNet-18 of width 32, 128x128, FPD, 90 epochs', _large, 90, 32, **_large_crops,
                 **{'train_cfg.val_interval': 5}))
