# SimDR's claim, that it wins at low resolution, on LSPET (docs/benchmarks/simdr.md): heatmaps, SimDR and SimDR* with
# one ResNet-18 of width 32 from random weights, crops of 64x64 and 128x128, 100 epochs.
_base_ = '../_base_/plans/lspet.py'

name = 'lspet_simdr'
results = 'docs/benchmarks/results/lspet_simdr'
seeds = [0, 1]

_config = 'configs/body/2d_kpt_sview_rgb_img/simdr/lspet/{}_resnet18_from_synthetic_lspet_{}.py'


def _model(kind, title, size):
    side = size.partition('x')[0]
    options = {'default_hooks.crop_store.folder': 'work_dirs/crops/labels_' + size}
    found = dict(title=f'{title}, {size}', config=_config.format(kind, size), family=size,
                 rivals=['simdr_' + side] if kind == 'sa_simdr' else [])
    if kind == 'heatmap':  # a mean over cells: without the factor its gradients are near AdamW's eps
        return dict(found, options={**options, 'model.head.loss.loss_weight': 500.0})
    return dict(found, baseline='heatmap_' + side, options=options)


options = {
    'model.backbone.init_cfg': None,
    'model.backbone.stem_channels': 32,
    'model.backbone.base_channels': 32,
    'model.head.in_channels': 128,
    'model.test_cfg.flip_test': False,
    'optim_wrapper.optimizer.lr': 4e-3,
    'optim_wrapper.optimizer.weight_decay': 0.1,
    'train_cfg.max_epochs': 100,
    'param_scheduler.1.end': 100,
    'train_cfg.val_interval': 10,
    'train_dataloader.batch_size': 32}
models = {f'{kind}_{side}': _model(kind, title, f'{side}x{side}') for side in (64, 128)
          for kind, title in (('heatmap', 'heatmaps'), ('simdr', 'SimDR'), ('sa_simdr', 'SimDR*'))}
