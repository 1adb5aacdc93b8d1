# MoveNet Thunder as an ONNX file with its own crop, which is not augmented, so that a teacher cache needs one output of
# a person for all epochs and students. Its gaussians are widened to those of the students.
teacher = dict(type='OnnxTeacher', file='teacher_chkpts/movenet_thunder.onnx', view='unaugmented', heatmap_sigma=1.5)
