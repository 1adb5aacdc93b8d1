# A student worth having: the largest ones that take a tenth of MoveNet Thunder's time on a CPU, from all labels of
# LSPET and from the teacher on 7,200 people, and the better of them alone and on pseudo-labels
# (docs/benchmarks/best_student.md).
_base_ = '../_base_/plans/lspet.py'

name = 'lspet_best'
results = 'docs/benchmarks/results/lspet_best'
seeds = [0]


def _model(title, config, crops, epochs, batch_size=32, **options):
    return dict(
        title=title,
        config=f'configs/body/2d_kpt_sview_rgb_img/movenet/lspet/{config}.py',
        options={
            'train_cfg.max_epochs': epochs,
            'param_scheduler.1.end': epochs,
            'train_dataloader.batch_size': batch_size,
            'optim_wrapper.optimizer.lr': 4e-3,
            'optim_wrapper.optimizer.weight_decay': 0.1,
            'default_hooks.crop_store.folder': 'work_dirs/crops/' + crops,
            **options})


_cache = {'default_hooks.teacher_cache.folder': 'work_dirs/thunder'}
_wide = 'fpd_thunder_to_resnet18_w48_unlabelled_lspet_96x96'
_large = 'fpd_thunder_to_resnet18_unlabelled_lspet_128x128'
models = dict(
    best=_model('width 48, 96x96, FPD, 150 epochs', _wide, 'unlabelled', 150, batch_size=64, **_cache, **{
        'train_dataloader.num_workers': 4,
        'train_dataloader.persistent_workers': True,
        'train_cfg.val_interval': 25}),
    short=_model('width 48, 96x96, FPD, 30 epochs', _wide, 'unlabelled', 30, **_cache, **{'train_cfg.val_interval': 5}),
    large=_model('width 32, 128x128, FPD, 90 epochs', _large, 'unlabelled_128', 90, **_cache,
                 **{'train_cfg.val_interval': 5}),
    large_pseudo=_model('width 32, 128x128, pseudo-labels, 90 epochs',
                        'heatmap_resnet18_pseudo_unlabelled_lspet_128x128', 'pseudo_128', 90,
                        **{'train_cfg.val_interval': 5}),
    large_alone=_model('width 32, 128x128, alone, as many crops', 'heatmap_resnet18_lspet_128x128', 'labels_128', 270,
                       **{'train_cfg.val_interval': 15}))
for _key in ('large', 'large_pseudo'):
    models[_key].update(baseline='large_alone', teacher='thunder_own')
models['large']['rivals'] = ['large_pseudo']
_thunder = dict(file='teacher_chkpts/movenet_thunder.onnx',
                config='configs/body/2d_kpt_sview_rgb_img/movenet/lspet/heatmap_resnet18_lspet_128x128.py')
teachers = dict(
    thunder_own=dict(_thunder, title='MoveNet Thunder, its own crop', options={'model.input.padding': 1.0}),
    thunder_student=dict(_thunder, title="MoveNet Thunder, the student's crop of 128x128", crop='student', options={}))
