"""The tenants of a host project that uses django-tenants."""
