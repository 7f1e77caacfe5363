"""What people read: pure functions from an alert's facts to email, chat and JSON."""
