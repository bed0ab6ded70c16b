"""Models of every kind that a host may register."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth.models import AbstractUser
from django.db import ProgrammingError, models
from django.db.models.query import ModelIterable

from sequere.mixin import SequereMixin


class User(SequereMixin, AbstractUser):
    """The users of the documentation: thoas, newbie."""


class Named(SequereMixin):
    name = models.CharField(max_length=150)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class Project(Named):
    """The project of the documentation: La classe americaine."""


class FavouriteProject(Project):
    class Meta:
        proxy = True


class BigProject(Project):
    """A child with a table of its own, not registered."""


class Document(Named):
    id = models.UUIDField(primary_key=True, default=uuid4)


class Package(Named):
    name = models.CharField(max_length=200, primary_key=True)


class Star(Named):
    id = models.BigIntegerField(primary_key=True)


class Profile(Named):
    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True)


class Basket(Named):
    """Always empty, and therefore falsy."""

    def __len__(self) -> int:
        return 0


class VisibleManager(models.Manager["Article"]):
    def get_queryset(self) -> models.QuerySet["Article"]:
        return super().get_queryset().filter(is_hidden=False)


class Article(Named):
    """Soft-deleted: the default manager hides it."""

    is_hidden = models.BooleanField(default=False)

    objects = VisibleManager()
    everything: models.Manager[Any] = models.Manager()


class SpicyField(models.BigAutoField):  # type: ignore[type-arg]  # not generic at runtime
    """A text in Python and an integer in the database, like the keys of django-spicy-id: "order_ff" is 255."""

    PREFIX = "order_"

    def to_python(self, value: Any) -> Any:
        if value is None or (isinstance(value, str) and value.startswith(self.PREFIX)):
            return value
        if isinstance(value, int):
            return f"{self.PREFIX}{value:x}"
        raise ProgrammingError(f"{value!r} is malformed")

    def get_prep_value(self, value: Any) -> Any:
        return int(value.removeprefix(self.PREFIX), 16) if isinstance(value, str) else value

    def from_db_value(self, value: Any, *_: Any) -> Any:
        return self.to_python(value)


class Ulid:
    """An object without a text of its own."""

    def __init__(self, value: UUID) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ulid) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)


class UlidField(models.UUIDField):  # type: ignore[type-arg]  # not generic at runtime
    """Is prepared only for a database that is known."""

    def to_python(self, value: Any) -> Any:
        return value if value is None or isinstance(value, Ulid) else Ulid(super().to_python(value))

    def get_prep_value(self, value: Any) -> Any:
        return value

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        value = value.value if isinstance(value, Ulid) else value
        return super().get_db_prep_value(value, connection, prepared)

    def from_db_value(self, value: Any, *_: Any) -> Any:
        return self.to_python(value)


class Ticket(Named):
    id = UlidField(primary_key=True)


class Order(Named):
    id = SpicyField(primary_key=True)


class Invoice(Named):
    order = models.OneToOneField(Order, on_delete=models.CASCADE, primary_key=True)


class Price(Named):
    amount = models.DecimalField(max_digits=6, decimal_places=2, primary_key=True)


class Showing(Named):
    begins_at = models.DateTimeField(primary_key=True)


class Tag(Named):
    """To SQLite, "Film" and "film" are one key."""

    name = models.CharField(max_length=150, primary_key=True, db_collation="nocase")


class ShapeIterable(ModelIterable):  # type: ignore[type-arg]  # not generic at runtime
    def __iter__(self) -> Iterator[Any]:
        for shape in super().__iter__():
            children = (model.objects.filter(shape_ptr=shape.pk).first() for model in (Circle, Square))
            yield next(filter(None, children), shape) if type(shape) is Shape else shape


class ShapeManager(models.Manager[Any]):
    """Returns instances of the children, like that of django-polymorphic."""

    def get_queryset(self) -> models.QuerySet[Any]:
        shapes = super().get_queryset()
        shapes._iterable_class = ShapeIterable
        return shapes


class Shape(Named):
    objects = ShapeManager()


class Circle(Shape):
    """A registered child."""


class Square(Shape):
    """A child that is not registered, with a key of its own besides."""

    number = models.BigAutoField(primary_key=True)
    shape_ptr = models.OneToOneField(Shape, on_delete=models.CASCADE, parent_link=True)


class Stranger(models.Model):
    """Never registered, unless a test does it."""

    name = models.CharField(max_length=150)

    def __str__(self) -> str:
        return self.name
