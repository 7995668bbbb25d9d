"""Plain factory functions, one module per room."""
