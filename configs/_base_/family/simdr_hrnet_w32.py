# Network, schedule and runtime of SimDR with HRNet-W32.
_base_ = ['../models/simdr/simdr_hrnet_w32.py', '../schedules/adam_210e.py', '../runtime/default.py']
