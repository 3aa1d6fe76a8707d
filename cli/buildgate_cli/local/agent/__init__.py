"""The agent: runs one buildspec as CodeBuild would, on this machine, with or without a cloud around it."""
