# Data, schedule and runtime of SimDR on LSPET. A leaf sets size and codec.
_base_ = ['../datasets/lspet_96x64_regression.py', '../schedules/adamw_8e.py', '../runtime/cpu.py']
optim_wrapper = dict(optimizer=dict(lr=4e-3))
