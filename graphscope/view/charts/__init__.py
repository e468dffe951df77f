"""Charts as figures: the curves, lanes and bars of a run, painted with the marks of every other figure."""
