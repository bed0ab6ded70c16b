"""An hour of bad luck in a minute: writers, and workers of Celery whose servers come and go."""
