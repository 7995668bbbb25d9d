"""Short messages, behind one small gateway."""
