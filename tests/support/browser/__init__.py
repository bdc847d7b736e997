"""A real browser, the site that it visits, and what axe finds there."""
