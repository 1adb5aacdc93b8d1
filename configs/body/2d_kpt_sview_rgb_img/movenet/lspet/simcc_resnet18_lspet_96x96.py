# SimCC with a narrow ResNet-18, without a teacher, on LSPET, 96x96, on a CPU.
_base_ = ['../../../../_base_/datasets/lspet_96x96_simcc.py',
          '../../../../_base_/schedules/adamw_60e.py',
          '../../../../_base_/models/simcc_resnet18_w32_96x96.py',
          '../../../../_base_/runtime/cpu.py']
