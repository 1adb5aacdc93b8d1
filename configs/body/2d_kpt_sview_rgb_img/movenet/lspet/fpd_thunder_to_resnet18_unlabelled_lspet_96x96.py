# FPD of MoveNet Thunder to a narrow ResNet-18 on LSPET and 4,800 people without labels, 96x96, on a CPU.
_base_ = ['../../../../_base_/datasets/lspet_96x96_heatmap_unlabelled.py',
          '../../../../_base_/family/fpd_thunder_to_resnet18_96x96.py']
