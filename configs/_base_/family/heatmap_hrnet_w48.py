# Network, schedule and runtime of heatmaps with HRNet-W48.
_base_ = ['../models/simdr/heatmap_hrnet_w48.py', '../schedules/adam_210e.py', '../runtime/default.py']
