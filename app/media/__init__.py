"""Photos and voice: intake, safe decode, variants, signed links, erasure."""
