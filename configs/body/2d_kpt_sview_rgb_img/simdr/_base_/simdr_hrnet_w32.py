# Network, schedule and runtime of SimDR with HRNet-W32.
_base_ = ['../../../../_base_/models/simdr/simdr_hrnet_w32.py',
          '../../../../_base_/schedules/adam_210e.py',
          '../../../../_base_/runtime/default.py']
