# TokenPose-XS from synthetic people on LSPET, 96x64, on a CPU.
# It starts from the quickstart's teacher (./tools/quickstart.sh --seed 0).
_base_ = ['../../../../_base_/datasets/lspet_96x64_heatmap.py',
          '../../../../_base_/schedules/adamw_15e.py',
          '../../../../_base_/models/tokenpose_xs_96x64.py',
          '../../../../_base_/runtime/default.py']
load_from = '{{ fileDirname }}'.rsplit('/', 5)[0] + '/work_dirs/quickstart/seed_0/teacher/weights.pth'
