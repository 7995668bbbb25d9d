"""The slip: a number and a code on paper that open one ticket without a log-in."""
