"""Opening a run and working out its pages."""
