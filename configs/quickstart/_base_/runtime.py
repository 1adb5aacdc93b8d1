# The common runtime, with a checkpoint after every epoch.
_base_ = '../../_base_/runtime/default.py'

default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(_delete_=True, type='CheckpointHook', interval=1, max_keep_ckpts=2))
