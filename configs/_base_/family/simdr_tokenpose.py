# Schedule and runtime of SimDR with TokenPose-S.
_base_ = ['../schedules/adam_300e_tokenpose.py', '../runtime/default.py']
