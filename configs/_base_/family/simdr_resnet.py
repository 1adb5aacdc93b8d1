# Schedule, augmentation and runtime of SimDR with ResNets.
_base_ = ['../schedules/adam_140e.py', '../methods/resnet_augmentation.py', '../runtime/default.py']
