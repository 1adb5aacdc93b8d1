# Hourglass network 1x32 on half of LSPET, 64x64, on a CPU: FPD's student alone, from configs/quickstart/fpd_student.py.
_base_ = ['../../../../_base_/family/fpd_lspet_half_64x64.py', '../../../../_base_/models/hourglass_1x32.py']
model = dict(head=dict(decoder=_base_.codec))
load_from = '{{ fileDirname }}'.rsplit('/', 5)[0] + '/work_dirs/fpd/student/epoch_10.pth'
