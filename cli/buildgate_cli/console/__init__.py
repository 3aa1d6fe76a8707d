"""The console: pages on loopback, made from the API's answers with the person's own credentials. No script is needed."""
