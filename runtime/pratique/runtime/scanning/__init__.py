"""Background scan: what policies say of the resources that exist, kept true in reports and events."""
