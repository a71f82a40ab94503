"""What pages for browsers share: a style sheet, and a policy under which only their own scripts run."""
