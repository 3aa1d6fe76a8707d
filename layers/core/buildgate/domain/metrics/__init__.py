"""What is counted of builds, and what is read from the counts."""
