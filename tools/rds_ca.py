"""The certificates that RDS's are signed with: no system's trust store has them, so image and zips carry them."""

CA_SETTING = "TRAPLINE_RDS_CA"
"""Path of the file; AWS documents its download ("Using SSL/TLS to encrypt a connection", RDS)."""
