# Schedule and runtime on CrowdPose.
_base_ = ['../../../../_base_/schedules/adam_210e_crowdpose.py', '../../../../_base_/runtime/default.py']
