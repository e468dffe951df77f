"""The doctor's rules, in the order in which their findings are listed."""
