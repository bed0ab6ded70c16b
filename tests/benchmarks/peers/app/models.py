from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models


class User(AbstractBaseUser):
    username = models.CharField(max_length=150, unique=True)
    USERNAME_FIELD = "username"


class Item(models.Model):
    """What people publish."""

    name = models.CharField(max_length=150)


class Follow(models.Model):
    """Stream-Framework leaves follows to the app."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    target = models.ForeignKey(User, models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint("user", "target", name="follow_once")]
