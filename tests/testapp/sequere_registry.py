import sequere
from sequere.base import ModelBase

from .models import Article, Basket, Document, Package, Profile, Project, Star, User


class UserSequere(ModelBase):
    identifier = "user"


sequere.register(User, UserSequere)
for model in (Project, Document, Package, Star, Profile, Basket, Article):
    sequere.register(model)
