"""Words on the command line and exit codes: one file a command. The clock's home."""
