# DistilPose's terms from a good teacher on LSPET (docs/benchmarks/distilpose_terms.md): a TokenPose that learnt from
# MoveNet Thunder teaches token regression; each term off, and tokens with ten and a hundred times their weight.
# Teacher and students start from the backbone of heatmaps alone.
_base_ = '../_base_/plans/lspet.py'

name = 'lspet_terms'
results = 'docs/benchmarks/results/lspet_terms'
seeds = [0, 1]

_configs = 'configs/body/2d_kpt_sview_rgb_img/movenet/lspet/'


def _start(backbone):
    return {backbone + '.init_cfg': dict(type='Pretrained', prefix='backbone.'),
            backbone + '.init_cfg.checkpoint': '@heatmaps'}


_tokens = {
    'optim_wrapper.optimizer.lr': 1e-3,  # which the search of lspet_main.py chose for tokens alone
    'default_hooks.crop_store.folder': 'work_dirs/crops/labels'}


def _student(title, *, options=None, **values):
    return dict(title=title, config=_configs + 'distilpose_tokenpose_to_tokens_lspet_96x96.py', family='terms',
                options={**_tokens, **_start('model.student.backbone'), 'model.teacher.checkpoint': '@tokenpose',
                         **(options or {})}, **values)


def _changed(title, *, rivals=(), **options):
    return _student(title, options=options, baseline='distilled', rivals=rivals)


def _tokens_of(title, weight):
    return _changed(title, rivals=['no_tokens'], **{
        'model.terms.visual_tokens.weight': weight, 'model.terms.keypoint_tokens.weight': weight})


options = {
    'optim_wrapper.optimizer.weight_decay': 0.1}
models = dict(
    heatmaps=dict(title='heatmaps, alone', config=_configs + 'heatmap_resnet18_lspet_96x96.py', seeds=[0],
                  options={'optim_wrapper.optimizer.lr': 4e-3}),
    tokenpose=dict(title='TokenPose from Thunder', seeds=[0],
                   config=_configs + 'fpd_thunder_to_tokenpose_unlabelled_lspet_96x96.py',
                   options={**_start('model.student.backbone'), 'train_cfg.max_epochs': 40,
                            'param_scheduler.1.end': 40, 'default_hooks.teacher_cache.folder': 'work_dirs/thunder'}),
    alone=dict(title='tokens, alone', config=_configs + 'tokens_resnet18_lspet_96x96.py', family='terms',
               options={**_tokens, **_start('model.backbone')}),
    distilled=_student('DistilPose', baseline='alone', teacher='tokenpose'),
    no_tokens=_changed('no tokens', **{'model.terms.visual_tokens': None, 'model.terms.keypoint_tokens': None}),
    no_heatmap=_changed('no heatmap', **{'model.terms.simulated_heatmap': None}),
    no_score=_changed('no score', rivals=['alone'],
                      **{'model.terms.score': None, 'model.student.head.with_scores': False}),
    tokens_10=_tokens_of('tokens x 10', 5e-3),
    tokens_100=_tokens_of('tokens x 100', 5e-2))
