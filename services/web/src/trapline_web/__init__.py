"""The web view: screens of a ledger, rendered on the server. It opens no database and knows no deployment itself."""
