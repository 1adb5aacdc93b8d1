# DistilPose-XS without a teacher on LSPET, 96x64, on a CPU.
_base_ = ['../../../../_base_/datasets/lspet_96x64_regression.py',
          '../../../../_base_/schedules/adamw_30e.py',
          '../../../../_base_/models/distilpose_xs_96x64.py',
          '../../../../_base_/runtime/default.py']
model = _base_.student
model['head'].update(with_scores=False, with_sigmas=False)
