# The runtime of small networks on a CPU, with a checkpoint after every epoch.
_base_ = '../../_base_/runtime/cpu.py'

default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(_delete_=True, type='SafeCheckpointHook', interval=1, max_keep_ckpts=2))
