"""Sources of evidence besides the reports of builds: one module each, all behind one port."""
