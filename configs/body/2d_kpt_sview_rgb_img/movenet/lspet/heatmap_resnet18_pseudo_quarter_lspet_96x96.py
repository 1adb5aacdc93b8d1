# Heatmaps with a narrow ResNet-18 on a quarter of LSPET and pseudo-labels of 6,600 people, 96x96, on a CPU.
_base_ = ['../../../../_base_/datasets/lspet_96x96_heatmap_quarter_pseudo_labels.py',
          '../../../../_base_/schedules/adamw_60e.py',
          '../../../../_base_/models/heatmap_resnet18_w32_96x96.py',
          '../../../../_base_/runtime/cpu.py']
