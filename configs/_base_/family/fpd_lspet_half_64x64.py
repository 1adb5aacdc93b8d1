# Data, schedule and runtime of FPD on half of LSPET, 64x64, for twice as many epochs.
_base_ = ['../datasets/lspet_mpii_half_64x64_heatmap.py', '../schedules/adamw_12e.py', '../runtime/cpu.py']
