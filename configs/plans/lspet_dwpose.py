# DWPose's two stages from a good teacher on LSPET (docs/benchmarks/dwpose.md): a SimCC network that learnt from MoveNet
# Thunder teaches a smaller one; then a second stage of 12 epochs, against a first stage that is 12 epochs longer.
_base_ = '../_base_/plans/lspet.py'

name = 'lspet_dwpose'
results = 'docs/benchmarks/results/lspet_dwpose'
seeds = [0, 1]

_configs = 'configs/body/2d_kpt_sview_rgb_img/movenet/lspet/'
_stage_1 = _configs + 'dwpose_s1_simcc_w48_to_resnet18_lspet_96x96.py'


def _epochs(count):
    return {'train_cfg.max_epochs': count, 'param_scheduler.1.end': count}


options = {
    'default_hooks.crop_store.folder': 'work_dirs/crops/labels',
    'optim_wrapper.optimizer.lr': 4e-3,
    'optim_wrapper.optimizer.weight_decay': 0.1}
models = dict(
    simcc_teacher=dict(title='SimCC of width 48 from Thunder', seeds=[0],
                       config=_configs + 'simcc_thunder_to_resnet18_w48_unlabelled_lspet_96x96.py',
                       options={**_epochs(30), 'default_hooks.teacher_cache.folder': 'work_dirs/thunder',
                                'default_hooks.crop_store.folder': 'work_dirs/crops/unlabelled'}),
    alone=dict(title='alone', config=_configs + 'simcc_resnet18_lspet_96x96.py', family='stages'),
    alone_longer=dict(title='alone, 72 epochs', config=_configs + 'simcc_resnet18_lspet_96x96.py', family='stages',
                      baseline='alone', options=_epochs(72)),
    first=dict(title='first stage', config=_stage_1, family='stages', baseline='alone', teacher='simcc_teacher',
               options={'model.teacher.checkpoint': '@simcc_teacher'}),
    first_longer=dict(title='first stage, 72 epochs', config=_stage_1, family='stages', baseline='first',
                      rivals=['alone_longer'],
                      options={'model.teacher.checkpoint': '@simcc_teacher', **_epochs(72)}),
    second=dict(title='second stage, 12 epochs', config=_configs + 'dwpose_s2_simcc_resnet18_lspet_96x96.py',
                family='stages', baseline='first_longer', rivals=['first'],
                options={'model.teacher.checkpoint': '@first', **_epochs(12), 'train_cfg.val_interval': 12}))
