"""Visitors beside the ordinary one (``visit.visitor``): the choice of a profile, and the one-process fallback."""
