# Schedule and runtime of FPD with HRNet.
_base_ = ['../schedules/adam_210e_fpd.py', '../runtime/default.py']
