"""Small pictures for lists: made of an artifact by a process without rights, and kept in memory."""
