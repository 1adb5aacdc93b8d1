# The term from any teacher to any student with coordinates.
terms = dict(coordinates=dict(type='CoordinateTerm', weight=1.0))
