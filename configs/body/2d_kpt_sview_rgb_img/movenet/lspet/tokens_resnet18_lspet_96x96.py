# Token regression with a narrow ResNet-18, without a teacher, on LSPET, 96x96, on a CPU.
_base_ = ['../../../../_base_/datasets/lspet_96x96_regression.py',
          '../../../../_base_/schedules/adamw_60e.py',
          '../../../../_base_/models/token_regression_w32_96x96.py',
          '../../../../_base_/runtime/cpu.py']
model = _base_.student
model['head'].update(with_scores=False, with_sigmas=False)
