# FPD of MoveNet Thunder (an ONNX file) to heatmaps of a narrow ResNet-18, with FPD's alpha of 0.5. The factor of 2000
# gives the term, which has a half in it, the scale of the task loss.
_base_ = ['../methods/fpd.py', '../teachers/thunder.py', '../schedules/adamw_60e.py', '../runtime/cpu.py']
terms = _base_.fpd.terms
terms['heatmaps'].update(weight=2000.0)
model = dict(
    type='PoseDistiller',
    student=dict(config='configs/body/2d_kpt_sview_rgb_img/movenet/lspet/heatmap_resnet18_lspet_96x96.py'),
    teacher=_base_.teacher, task_weight=_base_.fpd.task_weight, terms=terms)
