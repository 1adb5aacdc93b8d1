# Students of MoveNet Thunder on LSPET, with heatmaps and with tokens, against the same students alone and on pseudo-labels
# (docs/benchmarks/lspet.md). Settings are chosen on every eighth training person; all figures are of the 500 others.
name = 'lspet_main'
results = 'docs/benchmarks/results/lspet_main'
seeds = [0, 1, 2]
fast = 'auto'

_configs = 'configs/body/2d_kpt_sview_rgb_img/movenet/lspet/'
_held_out = '{{ fileDirname }}/../../data/lspet_splits/held_out.json'
_rates = [{'optim_wrapper.optimizer.lr': 2e-3}, {'optim_wrapper.optimizer.lr': 1e-3}, {'optim_wrapper.optimizer.lr': 4e-3},
          {'optim_wrapper.optimizer.lr': 2e-3, 'optim_wrapper.optimizer.weight_decay': 0.1},
          {'optim_wrapper.optimizer.lr': 4e-3, 'optim_wrapper.optimizer.weight_decay': 0.1}]

options = {
    'train_cfg.val_interval': 20,
    'default_hooks.checkpoint.interval': 5,
    'default_hooks.checkpoint.max_keep_ckpts': 1,
    'default_hooks.checkpoint.save_best': None}
_crops = {'default_hooks.crop_store.folder': 'work_dirs/crops/labels'}
_pseudo_crops = {'default_hooks.crop_store.folder': 'work_dirs/crops/pseudo_labels'}
search = dict(seed=0, metric='PCK', options={
    'default_hooks.crop_store.folder': None,
    'train_cfg.max_epochs': 10,
    'train_cfg.val_interval': 10,
    'param_scheduler.1.end': 10,
    'train_dataloader.dataset.indices': [index for index in range(2400) if index % 8],
    'val_dataloader.dataset.ann_file': _held_out,
    'val_evaluator': dict(_delete_=True, type='PCKAccuracy', thr=0.1)})
models = dict(
    heatmap_alone=dict(
        title='heatmaps, alone', family='heatmaps', config=_configs + 'heatmap_resnet18_lspet_96x96.py', search=_rates, options=_crops),
    heatmap_pseudo=dict(
        title='heatmaps, pseudo-labels', family='heatmaps', baseline='heatmap_alone', teacher='thunder_own',
        config=_configs + 'heatmap_resnet18_pseudo_lspet_96x96.py', search=_rates, options=_pseudo_crops))
