"""Until when: calendars, working time, and the three promises of a ticket."""
