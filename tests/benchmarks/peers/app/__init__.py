"""The app that uses Sequere or a peer."""
