# Network, schedule and runtime of RTMPose-x, whose gradients are clipped.
_base_ = ['../models/rtmpose/rtmpose_x.py', '../schedules/adamw_270e_rtmpose.py', '../runtime/rtmpose.py']
optim_wrapper = dict(clip_grad=dict(max_norm=35.0))
