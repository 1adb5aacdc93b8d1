# Students of MoveNet Thunder on LSPET, with heatmaps and with tokens, against the same students alone and on
# pseudo-labels, and what fewer labels cost (docs/benchmarks/lspet.md). Settings are chosen on every eighth training
# person; all figures are of the 500 others. Every student sees 144,000 crops: 60 epochs of 2,400 people, 240 of a
# quarter of them, 20 of 7,200.
name = 'lspet_main'
results = 'docs/benchmarks/results/lspet_main'
seeds = [0, 1, 2]
fast = 'auto'

_configs = 'configs/body/2d_kpt_sview_rgb_img/movenet/lspet/'
_splits = '{{ fileDirname }}/../../data/lspet_splits/'


def _epochs(count):
    return {'train_cfg.max_epochs': count, 'param_scheduler.1.end': count, 'train_cfg.val_interval': count}


def _crops(people):
    return {'default_hooks.crop_store.folder': 'work_dirs/crops/' + people}


def _outputs(people):
    return {'default_hooks.teacher_cache.folder': 'work_dirs/thunder/' + people, **_crops(people)}


def _rate(lr, **others):
    return {f'optim_wrapper.optimizer.{key}': value for key, value in dict(lr=lr, **others).items()}


options = {
    'train_cfg.val_interval': 20,
    'default_hooks.checkpoint.interval': 5,
    'default_hooks.checkpoint.max_keep_ckpts': 1,
    'default_hooks.checkpoint.save_best': None}
search = dict(seed=0, metric='PCK', options={
    **_epochs(10),
    'default_hooks.crop_store.folder': None,
    'train_dataloader.dataset.indices': [index for index in range(2400) if index % 8],
    'val_dataloader.dataset.ann_file': _splits + 'held_out.json',
    'val_evaluator': dict(_delete_=True, type='PCKAccuracy', thr=0.1)})
_rates = [_rate(2e-3), _rate(1e-3), _rate(4e-3), _rate(2e-3, weight_decay=0.1), _rate(4e-3, weight_decay=0.1)]
_alpha = {'model.task_weight': 0.2, 'model.terms.heatmaps.labelled_weight': 0.8}
_fpd = [_rate(2e-3), _rate(4e-3), _rate(4e-3, weight_decay=0.1), {**_rate(2e-3), **_alpha}, {**_rate(4e-3), **_alpha}]


def _model(title, config, family='heatmaps', baseline='heatmap_alone', **values):
    found = dict(title=title, config=_configs + config + '_lspet_96x96.py', family=family, baseline=baseline,
                 teacher='thunder_own', **values)
    if baseline is None:
        del found['baseline'], found['teacher']
    return found


models = dict(
    heatmap_alone=_model('heatmaps, alone', 'heatmap_resnet18', baseline=None, search=_rates,
                         options=_crops('labels')),
    heatmap_pseudo=_model('heatmaps, pseudo-labels', 'heatmap_resnet18_pseudo', search=_rates,
                          options=_crops('pseudo_labels')),
    heatmap_fpd=_model('heatmaps, FPD', 'fpd_thunder_to_resnet18', search=_fpd, options=_outputs('labels')))
