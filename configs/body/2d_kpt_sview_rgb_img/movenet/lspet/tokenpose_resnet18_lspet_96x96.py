# TokenPose with a narrow ResNet-18 and the tokens of tokens_resnet18_lspet_96x96.py on LSPET, 96x96, on a CPU.
_base_ = ['../../../../_base_/datasets/lspet_96x96_heatmap.py',
          '../../../../_base_/schedules/adamw_60e.py',
          '../../../../_base_/models/tokenpose_resnet18_w32_96x96.py',
          '../../../../_base_/runtime/cpu.py']
