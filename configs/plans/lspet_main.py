# Students of MoveNet Thunder on LSPET, with heatmaps and with tokens, against the same students alone and on
# pseudo-labels, and what fewer labels cost (docs/benchmarks/lspet.md). Settings are chosen on every eighth training
# person; all figures are of the 500 others. Every student sees 144,000 crops: 60 epochs of 2,400 people, 240 of a
# quarter of them, 20 of 7,200.
_base_ = '../_base_/plans/lspet.py'

name = 'lspet_main'
results = 'docs/benchmarks/results/lspet_main'
seeds = [0, 1, 2]

_configs = 'configs/body/2d_kpt_sview_rgb_img/movenet/lspet/'
_splits = '{{ fileDirname }}/../../data/lspet_splits/'


def _epochs(count):
    return {'train_cfg.max_epochs': count, 'param_scheduler.1.end': count, 'train_cfg.val_interval': count}


def _crops(people):
    return {'default_hooks.crop_store.folder': 'work_dirs/crops/' + people}


def _outputs(people):
    return {'default_hooks.teacher_cache.folder': 'work_dirs/thunder', **_crops(people)}


def _rate(lr, **others):
    return {f'optim_wrapper.optimizer.{key}': value for key, value in dict(lr=lr, **others).items()}


search = dict(seed=0, metric='PCK', options={
    **_epochs(10),
    'default_hooks.crop_store.folder': None,
    'train_dataloader.dataset.indices': [index for index in range(2400) if index % 8],
    'val_dataloader.dataset.ann_file': _splits + 'held_out.json',
    'val_evaluator': dict(_delete_=True, type='PCKAccuracy', thr=0.1)})
_rates = [_rate(2e-3), _rate(1e-3), _rate(4e-3), _rate(2e-3, weight_decay=0.1), _rate(4e-3, weight_decay=0.1)]
_alpha = {'model.task_weight': 0.2, 'model.terms.heatmaps.labelled_weight': 0.8}
_fpd = [_rate(2e-3), _rate(4e-3), _rate(4e-3, weight_decay=0.1), {**_rate(2e-3), **_alpha}, {**_rate(4e-3), **_alpha}]
_token_rates = [_rate(1e-3), _rate(5e-4), _rate(2e-3), _rate(1e-3, weight_decay=0.1), _rate(2e-3, weight_decay=0.1)]
_weak = {'model.terms.simulated_heatmap.weight': 1.0, 'model.terms.score.weight': 0.01}
_distilpose = [_rate(1e-3), _rate(2e-3), _rate(2e-3, weight_decay=0.1), {**_rate(1e-3), **_weak},
               {**_rate(2e-3), **_weak}]
_certainty = {'model.terms.heatmaps.certainty': 'soft'}
_token_certainty = {'model.terms.simulated_heatmap.certainty': 'soft'}
_best_rate = _rate(4e-3, weight_decay=0.1)


def _start(backbone):
    """Tokens start from the backbone of the heatmaps of the same seed: from random weights they learn the mean pose."""
    return {backbone + '.init_cfg': dict(type='Pretrained', prefix='backbone.'),
            backbone + '.init_cfg.checkpoint': '@heatmap_alone'}


def _model(title, config, family='heatmaps', baseline='heatmap_alone', **values):
    found = dict(title=title, config=_configs + config + '_lspet_96x96.py', family=family, baseline=baseline,
                 teacher='thunder_own', **values)
    if baseline is None:
        del found['baseline'], found['teacher']
    return found


def _labels(title, config, epochs=20, baseline='heatmap_alone', seeds=seeds, rivals=(), **options):
    return _model(title, config, family='labels', baseline=baseline, seeds=seeds, rivals=rivals,
                  options={**_epochs(epochs), **_best_rate, **options})


def _tokens(title, config, **values):
    return _model(title, config, family='tokens', baseline=values.pop('baseline', 'tokens_alone'), **values)


# ..._same: without certainty, with the settings that the search by certainty chose, added after these had been seen.
_fpd_config, _distilpose_config = 'fpd_thunder_to_resnet18', 'distilpose_thunder_to_tokens'
models = dict(
    heatmap_alone=_model('heatmaps, alone', 'heatmap_resnet18', baseline=None, search=_rates,
                         options=_crops('labels')),
    heatmap_pseudo=_model('heatmaps, pseudo-labels', 'heatmap_resnet18_pseudo', search=_rates,
                          options=_crops('pseudo_labels')),
    heatmap_fpd=_model('heatmaps, FPD', _fpd_config, search=_fpd, options=_outputs('labels'),
                       rivals=['heatmap_pseudo']),
    heatmap_fpd_same=_model('heatmaps, FPD, weight decay 0.1', _fpd_config,
                            options={**_outputs('labels'), **_best_rate}),
    heatmap_certainty=_model('heatmaps, FPD, by certainty', _fpd_config, search=_fpd,
                             rivals=['heatmap_fpd_same', 'heatmap_fpd', 'heatmap_pseudo'],
                             options={**_outputs('labels'), **_certainty}),
    fpd_100=_labels('100 % of the labels, FPD', _fpd_config + '_unlabelled', rivals=['pseudo_100'],
                    **_outputs('unlabelled')),
    pseudo_100=_labels('100 %, pseudo-labels', 'heatmap_resnet18_pseudo_unlabelled', **_crops('pseudo_100')),
    fpd_25=_labels('25 %, FPD', _fpd_config + '_quarter', baseline='alone_25', rivals=['pseudo_25'],
                   **_outputs('quarter')),
    pseudo_25=_labels('25 %, pseudo-labels', 'heatmap_resnet18_pseudo_quarter', baseline='alone_25',
                      **_crops('pseudo_25')),
    alone_25=_labels('25 %, alone', 'heatmap_resnet18', epochs=240, **_crops('quarter_alone'),
                     **{'train_dataloader.dataset.ann_file': _splits + 'quarter.json'}),
    alone_25_short=_labels('25 %, alone, 60 epochs', 'heatmap_resnet18', epochs=60, baseline='alone_25', seeds=[0],
                           **_crops('quarter_alone'),
                           **{'train_dataloader.dataset.ann_file': _splits + 'quarter.json'}),
    fpd_0=_labels('no labels, FPD', _fpd_config + '_no_labels', rivals=['pseudo_0'], **_outputs('no_labels')),
    pseudo_0=_labels('no labels, pseudo-labels', 'heatmap_resnet18_pseudo_no_labels', **_crops('pseudo_0')),
    moving_100=_labels('100 %, moving average', 'moving_average_resnet18_unlabelled', **_crops('moving_100')),
    moving_25=_labels('25 %, moving average', 'moving_average_resnet18_quarter', baseline='alone_25',
                      **_crops('moving_25')),
    tokens_alone=_tokens('tokens, alone', 'tokens_resnet18', baseline=None, search=_token_rates,
                         options={**_crops('labels'), **_start('model.backbone')}),
    tokens_pseudo=_tokens('tokens, pseudo-labels', 'tokens_resnet18_pseudo', search=_token_rates,
                          options={**_crops('pseudo_labels'), **_start('model.backbone')}),
    tokens_distilpose=_tokens('tokens, DistilPose', _distilpose_config, search=_distilpose,
                              rivals=['tokens_pseudo'],
                              options={**_outputs('labels'), **_start('model.student.backbone')}),
    tokens_distilpose_same=_tokens('tokens, DistilPose, weight x 10', _distilpose_config, rivals=['tokens_pseudo'],
                                   options={**_outputs('labels'), **_start('model.student.backbone'), **_rate(2e-3)}),
    tokens_certainty=_tokens('tokens, DistilPose, by certainty', _distilpose_config, search=_distilpose,
                             rivals=['tokens_distilpose_same', 'tokens_distilpose', 'tokens_pseudo'],
                             options={**_outputs('labels'), **_start('model.student.backbone'), **_token_certainty}),
    heatmap_alone_twice=_model('heatmaps, alone, 120 epochs', 'heatmap_resnet18', seeds=[0],
                               options={**_crops('labels'), **_best_rate, **_epochs(120)}),
    tokens_alone_twice=_tokens('tokens, alone, 120 epochs', 'tokens_resnet18', seeds=[0],
                               options={**_crops('labels'), **_rate(1e-3), **_start('model.backbone'),
                                        **_epochs(120)}))
_thunder = dict(file='teacher_chkpts/movenet_thunder.onnx', config=_configs + 'heatmap_resnet18_lspet_96x96.py',
                options={'model.input.padding': 1.0})
teachers = dict(
    thunder_own=dict(_thunder, title='MoveNet Thunder, its own crop'),
    thunder_student=dict(_thunder, title="MoveNet Thunder, the student's crop", crop='student', options={}),
    lightning_own=dict(_thunder, title='MoveNet Lightning, its own crop',
                       file='teacher_chkpts/movenet_lightning.onnx'))
