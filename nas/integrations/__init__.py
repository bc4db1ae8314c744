"""Optional bridges to other packages; each imports its package only when asked for."""
