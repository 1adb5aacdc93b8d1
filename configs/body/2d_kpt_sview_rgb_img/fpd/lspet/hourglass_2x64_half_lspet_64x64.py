# Hourglass network 2x64 on half of LSPET, 64x64, on a CPU: FPD's teacher, from configs/quickstart/fpd_teacher.py.
_base_ = ['../../../../_base_/family/fpd_lspet_half_64x64.py', '../../../../_base_/models/hourglass_2x64.py']
model = dict(head=dict(decoder=_base_.codec))
load_from = '{{ fileDirname }}'.rsplit('/', 5)[0] + '/work_dirs/fpd/teacher/epoch_14.pth'
optim_wrapper = dict(optimizer=dict(lr=2e-3))  # larger steps lead to some heatmaps with peaks far above 1
