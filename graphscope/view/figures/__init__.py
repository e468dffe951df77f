"""Charts as plain plotly figures (dicts): made here, shown by the dashboard."""
