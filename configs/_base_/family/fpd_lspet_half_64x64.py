# The same on half of the people, for twice as many epochs.
_base_ = ['../datasets/lspet_mpii_half_64x64_heatmap.py', '../schedules/adamw_12e.py', '../runtime/cpu.py']
