# The student's coordinates learn the teacher's, whatever it shows.
terms = dict(coordinates=dict(type='CoordinateTerm', weight=1.0))
