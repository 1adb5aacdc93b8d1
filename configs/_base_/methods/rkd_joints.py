# RKD's distances and angles between the joints of a person. They warm up: a new student has all joints near the centre,
# and relations of points that are close have steep gradients.
terms = dict(joint_relations=dict(
    type='JointRelationTerm', distance=1.0, angle=2.0, weight=0.1, schedule='warmup'))
