"""Jobs whose container command really runs on this machine. Nothing in here decides that it may: the command line does."""
