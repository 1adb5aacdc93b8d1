"""Reading, checking and changing configs."""
