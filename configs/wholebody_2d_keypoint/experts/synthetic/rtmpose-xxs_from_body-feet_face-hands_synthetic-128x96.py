# RTMPose-xxs of the whole body from two part experts on synthetic people, 128x96, on a CPU, after DOPE (ECCV 2020).
# The experts are ONNX files: distilpose export EXPERT.py EXPERT.pth teacher_chkpts/EXPERT.onnx --dynamic-batch
_base_ = '../../rtmpose/synthetic/rtmpose-xxs_synthetic-128x96.py'

model = dict(
    _delete_=True,
    type='PoseDistiller',
    student=dict(config='configs/wholebody_2d_keypoint/rtmpose/synthetic/rtmpose-xxs_synthetic-128x96.py'),
    combine='expert',
    teachers=dict(
        body=dict(type='OnnxTeacher', file='teacher_chkpts/rtmpose-xs_body-feet_synthetic-128x96.onnx',
                  keypoints='auto'),
        face_hands=dict(type='OnnxTeacher', file='teacher_chkpts/rtmpose-xs_face-hands_synthetic-128x96.onnx',
                        keypoints='auto')),
    terms=dict(simcc=dict(type='SimCCTerm', beta=10.0, weight=0.1)))
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
