"""The domain: one room per feature, stacked on floors (docs/architecture.md)."""
