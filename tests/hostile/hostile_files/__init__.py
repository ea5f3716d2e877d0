"""Model files that attack their reader: how they are made, and how they are tried."""
