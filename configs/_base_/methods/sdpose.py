# SDPose: the outputs of every further cycle of the student's transformer teach those of the cycle before it, and learn
# the task themselves. Published weights.
sdpose = dict(
    teacher=dict(type='SelfDistillationTeacher', cycles=2),
    terms=dict(
        visual_tokens=dict(type='TokenTerm', tokens='visual', weight=5e-6),
        keypoint_tokens=dict(type='TokenTerm', tokens='keypoint', weight=5e-6)))
