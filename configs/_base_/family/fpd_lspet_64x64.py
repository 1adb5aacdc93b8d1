# Data, schedule and runtime of FPD on LSPET, 64x64.
_base_ = ['../datasets/lspet_mpii_64x64_heatmap.py', '../schedules/adamw_6e.py', '../runtime/cpu.py']
