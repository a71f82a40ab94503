"""What pages for browsers share: a style sheet, and a policy under which nothing but their own scripts runs."""
