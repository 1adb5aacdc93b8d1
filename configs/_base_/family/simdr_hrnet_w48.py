# Network, schedule and runtime of SimDR with HRNet-W48.
_base_ = ['../models/simdr/simdr_hrnet_w48.py', '../schedules/adam_210e.py', '../runtime/default.py']
