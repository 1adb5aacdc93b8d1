# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/distilpose/lspet/resnet18_from_synthetic_lspet_96x64.py 1
# DistilPose-XS without a teacher, on the backbone and encoder of ./tools/quickstart.sh --seed 0 (the student alone).
_base_ = [
    '../../../../_base_/datasets/lspet_96x64_regression.py',
    '../../../../_base_/schedules/adamw_15e.py',
    '../../../../_base_/models/distilpose_xs_96x64.py',
    '../../../../_base_/runtime/default.py',
]
start = '{{ fileDirname }}'.rsplit('/', 5)[0] + '/work_dirs/quickstart/seed_0/baseline/weights.pth'
model = _base_.student
model['backbone'].update(init_cfg=dict(type='Pretrained', prefix='backbone.', checkpoint=start))
model['head']['encoder'].update(init_cfg=dict(type='Pretrained', prefix='head.encoder.', checkpoint=start))
model['head'].update(with_scores=False, with_sigmas=False)
