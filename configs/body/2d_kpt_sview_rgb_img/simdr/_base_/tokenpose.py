# Schedule and runtime of TokenPose-S.
_base_ = ['../../../../_base_/schedules/adam_300e_tokenpose.py', '../../../../_base_/runtime/default.py']
