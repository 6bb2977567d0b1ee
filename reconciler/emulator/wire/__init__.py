"""How is a call read and answered? Requests, routes, replies, filters, masks and pages."""
