"""The second person: one review for whatever must not be settled by the asker alone."""
