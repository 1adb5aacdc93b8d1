# RKD's distances and angles between the joints of a person.
terms = dict(joint_relations=dict(type='JointRelationTerm', distance=1.0, angle=2.0, weight=0.1))
