"""What `sequere.urls` has addresses for."""
