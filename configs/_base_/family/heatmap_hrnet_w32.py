# Network, schedule and runtime of heatmaps with HRNet-W32.
_base_ = ['../models/simdr/heatmap_hrnet_w32.py', '../schedules/adam_210e.py', '../runtime/default.py']
