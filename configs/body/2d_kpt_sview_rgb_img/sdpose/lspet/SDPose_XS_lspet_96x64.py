# SDPose-XS on LSPET, 96x64, on a CPU: TokenPose-XS, whose two layers teach themselves in three cycles.
_base_ = ['../../../../_base_/datasets/lspet_96x64_heatmap.py',
          '../../../../_base_/schedules/adamw_30e.py',
          '../../../../_base_/models/tokenpose_xs_96x64.py',
          '../../../../_base_/methods/sdpose.py',
          '../../../../_base_/runtime/default.py']
sdpose = _base_.sdpose
sdpose['teacher'].update(cycles=3)
model = dict(_delete_=True, type='PoseDistiller', student=_base_.model, **sdpose)
