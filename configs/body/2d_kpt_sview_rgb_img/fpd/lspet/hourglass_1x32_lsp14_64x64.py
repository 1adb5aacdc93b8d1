# Hourglass network 1x32 on LSPET, 64x64, on a CPU, with the 14 keypoints of Leeds Sports Pose.
_base_ = ['../../../../_base_/datasets/lspet_14_64x64_heatmap.py',
          '../../../../_base_/schedules/adamw_6e.py',
          '../../../../_base_/models/hourglass_1x32.py',
          '../../../../_base_/runtime/cpu.py']
model = dict(backbone=dict(num_keypoints=14), head=dict(in_channels=14, out_channels=14, decoder=_base_.codec))
