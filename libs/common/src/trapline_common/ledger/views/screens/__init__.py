"""Whole screens: what a person looks at, and what `/api/v1` answers, in one model each.

Each is read in one transaction that sees one moment and writes nothing. The web view of a deployment asks the operator
function for the same models, so both ways show the same.
"""
