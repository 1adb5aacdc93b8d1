# DistilPose of MoveNet Thunder, which has no tokens, to token regression on LSPET, 96x96, on a CPU.
# Ten times the published weights of the simulated heatmap and the score: the task loss here is an L1, which is larger
# than the published squared loss.
_base_ = ['../../../../_base_/datasets/lspet_96x96_regression.py',
          '../../../../_base_/schedules/adamw_60e.py',
          '../../../../_base_/models/token_regression_w32_96x96.py',
          '../../../../_base_/teachers/thunder.py',
          '../../../../_base_/runtime/cpu.py']
model = dict(
    type='PoseDistiller',
    student=_base_.student,
    teacher=dict(_base_.teacher, heatmap_sigma=3.0),
    terms=dict(simulated_heatmap=dict(type='SimulatedHeatmapTerm', sigma='predicted', masking='intended', weight=10.0),
               score=dict(type='ScoreTerm', index='heatmap', weight=0.1)))
