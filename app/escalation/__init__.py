"""What follows when a promise is broken: the next tier comes in, and nobody is let off."""
