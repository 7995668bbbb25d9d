"""Whether what people send may be shown to other residents: verdicts, and who decides."""
