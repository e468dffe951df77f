"""The ids of components that Python and the scripts in assets/ both name."""

APP = "app"
STRIP = "strip"
OPS_TABLE = "ops-table"  # the box of the grid on the Ops page
OPS_ROOF = "ops-roof"  # the box of the roofline chart
COMPARE_TABLE = "compare-table"
COMPARE_CURVES = "compare-curves"
CURVES = "curves"  # the box that holds the cards of the Curves page
CURVES_TABLE = "curves-table"
TABLES = (OPS_TABLE, COMPARE_TABLE, CURVES_TABLE)  # places of grids
CHARTS = (OPS_ROOF, COMPARE_CURVES)  # places of charts that Dash draws
