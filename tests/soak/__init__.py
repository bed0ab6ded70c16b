"""An hour of bad luck in a minute: writers and Celery workers whose servers come and go."""
