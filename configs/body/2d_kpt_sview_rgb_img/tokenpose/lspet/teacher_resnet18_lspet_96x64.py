# TokenPose-XS on LSPET, 96x64, on a CPU: DistilPose-XS's teacher.
_base_ = ['../../../../_base_/datasets/lspet_96x64_heatmap.py',
          '../../../../_base_/schedules/adamw_30e.py',
          '../../../../_base_/models/tokenpose_xs_96x64.py',
          '../../../../_base_/runtime/default.py']
