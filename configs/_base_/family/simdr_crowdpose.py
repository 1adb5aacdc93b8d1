# Schedule and runtime of SimDR on CrowdPose.
_base_ = ['../schedules/adam_210e_crowdpose.py', '../runtime/default.py']
