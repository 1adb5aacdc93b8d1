# The 14 keypoints of Leeds Sports Pose in their order, which mmpose does not define; sigmas are those of its MPII.
_names = ['right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle', 'right_wrist',
          'right_elbow', 'right_shoulder', 'left_shoulder', 'left_elbow', 'left_wrist', 'neck', 'head_top']
_swaps = [*range(5, -1, -1), *range(11, 5, -1), 12, 13]
_colours = dict(l=[0, 255, 0], r=[255, 128, 0], n=[51, 153, 255], h=[51, 153, 255])
_links = [(0, 1), (1, 2), (5, 4), (4, 3), (2, 3), (2, 8), (3, 9), (8, 9), (6, 7), (7, 8), (11, 10), (10, 9), (12, 13)]
dataset_info = dict(
    dataset_name='lsp',
    paper_info=dict(author='Sam Johnson and Mark Everingham', year='2010', container='BMVC',
                    title='Clustered Pose and Nonlinear Appearance Models for Human Pose Estimation',
                    homepage='http://sam.johnson.io/research/lsp.html'),
    keypoint_info={
        index: dict(name=name, id=index, color=_colours[name[0]], type='lower' if index < 6 else 'upper',
                    swap='' if _swaps[index] == index else _names[_swaps[index]]) for index, name in enumerate(_names)},
    skeleton_info={index: dict(link=(_names[one], _names[other]), id=index, color=[51, 153, 255])
                   for index, (one, other) in enumerate(_links)},
    joint_weights=[1.5, 1.2, 1.0, 1.0, 1.2, 1.5, 1.5, 1.2, 1.0, 1.0, 1.2, 1.5, 1.0, 1.0],
    sigmas=[0.089, 0.083, 0.107, 0.107, 0.083, 0.089, 0.062, 0.072, 0.179, 0.179, 0.072, 0.062, 0.026, 0.026])
