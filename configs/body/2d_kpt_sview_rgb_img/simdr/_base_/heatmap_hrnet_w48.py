# Network, schedule and runtime of Heatmaps with HRNet-W48.
_base_ = ['../../../../_base_/models/simdr/heatmap_hrnet_w48.py',
          '../../../../_base_/schedules/adam_210e.py',
          '../../../../_base_/runtime/default.py']
