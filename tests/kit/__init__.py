"""What the tests share: certificates, servers, PSEs, and a small system over all of it."""
