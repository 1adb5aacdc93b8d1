# FPD of MoveNet Thunder to a narrow ResNet-18 on a quarter of LSPET and 6,600 people without labels, 96x96, on a CPU.
_base_ = ['../../../../_base_/datasets/lspet_96x96_heatmap_quarter_unlabelled.py',
          '../../../../_base_/family/fpd_thunder_to_resnet18_96x96.py']
