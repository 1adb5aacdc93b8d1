# Hourglass network 1x32 on LSPET, 64x64, on a CPU, with the 21 keypoints of COCO and MPII: the student alone.
_base_ = ['../../../../_base_/datasets/lspet_21_64x64_heatmap.py',
          '../../../../_base_/schedules/adamw_6e.py',
          '../../../../_base_/models/hourglass_1x32.py',
          '../../../../_base_/runtime/cpu.py']
model = dict(backbone=dict(num_keypoints=21), head=dict(in_channels=21, out_channels=21, decoder=_base_.codec))
