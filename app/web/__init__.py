"""HTTP as every facade needs it: bodies, fields, routes, answers and headers, in no facade's own words."""
