"""A page's text: normalised, freed of noise, compared. Pure."""
