"""What the minute tick and the failure queue mend, end, archive and delete."""
