"""A figure as one offline HTML file that plays: ``page.write`` puts it together."""
