# DistilPose-XS without a teacher from synthetic people on LSPET, 96x64, on a CPU.
# Backbone and encoder start from the quickstart's student without a teacher (./tools/quickstart.sh --seed 0).
_base_ = ['../../../../_base_/datasets/lspet_96x64_regression.py',
          '../../../../_base_/schedules/adamw_15e.py',
          '../../../../_base_/models/distilpose_xs_96x64.py',
          '../../../../_base_/runtime/default.py']
start = '{{ fileDirname }}'.rsplit('/', 5)[0] + '/work_dirs/quickstart/seed_0/baseline/weights.pth'
model = _base_.student
model['backbone'].update(init_cfg=dict(type='Pretrained', prefix='backbone.', checkpoint=start))
model['head']['encoder'].update(init_cfg=dict(type='Pretrained', prefix='head.encoder.', checkpoint=start))
model['head'].update(with_scores=False, with_sigmas=False)
