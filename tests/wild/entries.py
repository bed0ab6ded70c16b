"""The public entries, found by inspection: a new one is tried by itself.

Functions and methods of what `__all__` names, template tags and filters, views with their parameters, commands with
their arguments.
"""

import importlib
import inspect
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from asgiref.sync import async_to_sync
from django.contrib import admin
from django.core.management import call_command, load_command_class
from django.db import models
from django.template import Context, Template
from django.template.library import import_library
from django.test import Client, RequestFactory
from django.urls import URLPattern
from hypothesis import strategies as st

import sequere
from sequere.admin.searching import EventsForm
from sequere.log import Event, Intent, stream_of
from sequere.log.paging import Selection
from sequere.models import get_followers, get_friends
from sequere_timeline import Timeline
from tests import inputs
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction, LikeAction

#: The modules whose `__all__` a host imports.
MODULES = ("sequere", "sequere.models", "sequere.log", "sequere.outbox", "sequere.replay", "sequere_timeline")
#: Needs a process or a server of its own, or ends the one that tries it.
LEFT_OUT = {"--workers", "--celery", "--join", "--help", "--version", "--settings", "--pythonpath", "--interval"}
NOT_TRIED = {"hand_over", "flush", "from_list"}


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that is called with whatever its strategy draws."""

    name: str
    arguments: st.SearchStrategy[Any]
    call: Callable[[Any], Any]
    #: Whether its arguments are texts of any client, so that no exception may leave it.
    is_open: bool = False


@dataclass(slots=True)
class Site:
    """Who is there: two users who are friends, and a project, with actions."""

    users: list[User]
    project: Project
    action: LikeAction


def entries(site: Site) -> list[Entry]:
    """All of them."""
    return [*functions(site), *methods(site), *tags(site), *views(site), *commands()]


# Functions


def functions(site: Site) -> Iterator[Entry]:
    known: set[Any] = set()
    for module in map(importlib.import_module, MODULES):
        for name in module.__all__:
            found = getattr(module, name)
            is_class = isinstance(found, type)
            not_called = (models.Model, models.QuerySet, Exception)
            if name in NOT_TRIED or found in known or (is_class and issubclass(found, not_called)):
                continue
            known.add(found)
            if callable(found):
                yield _of_function(f"{module.__name__}.{name}", found, site)


def methods(site: Site) -> Iterator[Entry]:
    """Of what the functions return, and of the classes that a host calls."""
    thoas = site.users[0]
    makers: dict[str, Callable[[], Any]] = {
        "Timeline": lambda: Timeline(thoas),
        "Selection": Selection,
        "Event.objects": Event.objects.all,
        "followers": lambda: get_followers(thoas),
        "friends": lambda: get_friends(thoas, desc=False),
        "actions": lambda: Timeline(thoas).get_private(),
    }
    for owner, make in makers.items():
        cls = type(make())
        for name, method in inspect.getmembers(cls, inspect.isroutine):
            is_ours = (getattr(method, "__module__", None) or "").startswith("sequere")
            if is_ours and name not in NOT_TRIED and not name.startswith("_") and not hasattr(models.QuerySet, name):
                yield _of_function(f"{owner}.{name}", _bound(make, name), site, like=getattr(make(), name))


def _bound(make: Callable[[], Any], name: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        """Of a new owner each time."""
        return getattr(make(), name)(*args, **kwargs)

    return call


def _of_function(name: str, function: Callable[..., Any], site: Site, like: Any = None) -> Entry:
    signature = inspect.signature(like or function)
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for parameter in signature.parameters.values():
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            continue
        is_required = parameter.default is parameter.empty
        (required if is_required else optional)[parameter.name] = values_for(parameter.name, site)
    positional = [one for one in required if signature.parameters[one].kind is inspect.Parameter.POSITIONAL_ONLY]

    def call(arguments: dict[str, Any]) -> Any:
        args = [arguments.pop(one) for one in positional]
        return used(function(*args, **arguments))

    return Entry(name, st.fixed_dictionaries(required, optional=optional), call)


def used(result: Any) -> Any:
    """A lazy list asks nothing until it is read."""
    if inspect.isawaitable(result):
        return async_to_sync(_awaited)(result)
    if isinstance(result, models.QuerySet) or hasattr(result, "hidden"):
        return list(result[:5])
    if inspect.isgenerator(result):
        return list(result)
    return result


async def _awaited(result: Any) -> Any:
    return await result


def values_for(name: str, site: Site) -> st.SearchStrategy[Any]:
    """What a parameter may be given: often what it is for, and else anything."""
    instances = st.sampled_from([*site.users, site.project])
    resources = instances | inputs.keys
    actions = st.builds(
        _action, st.just(site), resources, st.none() | resources, inputs.times, inputs.data, st.none() | inputs.texts
    ) | st.just(site.action)
    pairs = st.lists(st.tuples(resources, resources) | st.tuples(resources, resources, inputs.times), max_size=3)
    intents = st.lists(
        st.builds(
            Intent,
            st.sampled_from(["joked", "followed"]) | inputs.texts,
            st.just(stream_of("wild")) | inputs.scalars,
            resources,
            target=st.none() | resources,
            verb=inputs.texts,
            occurred_at=st.none() | inputs.times,
            idempotency_key=st.none() | inputs.texts,
            data=st.none() | inputs.data,
        ),
        max_size=2,
    )
    meant: dict[str, st.SearchStrategy[Any]] = {
        **dict.fromkeys(("from_instance", "to_instance", "instance", "actor", "item", "key"), resources),
        **dict.fromkeys(("to_instances", "instances", "objects"), st.lists(resources, max_size=3)),
        **dict.fromkeys(("timestamp", "date", "end"), inputs.times),
        **dict.fromkeys(("since", "until"), inputs.days),
        "pairs": pairs,
        "intents": intents,
        "identifier": st.sampled_from(["user", User]) | inputs.texts,
        "action": actions | st.sampled_from(["join", JoinAction]) | inputs.texts,
        "target": resources | st.sampled_from(["user", Project]) | inputs.texts,
        "name": st.sampled_from(["follows", "timelines"]) | inputs.texts,
        "using": st.just("default"),
        "progress": st.none(),
        "on_difference": st.none(),
        "repair": st.booleans(),
        "seconds": st.just(0.1),
        "timeout": st.just(0.1),
        "event": st.builds(Event.objects.first),
    }
    anything = inputs.scalars | inputs.data | inputs.times | resources
    return meant[name] | anything if name in meant and name not in TYPED else meant.get(name, anything)


#: Given by our own code, or named by an operator's: a value of another type is not tried.
TYPED = {"using", "progress", "on_difference", "seconds", "timeout", "event"}


def _action(site: Site, actor: Any, target: Any, date: Any, kwargs: Any, uid: Any) -> Any:
    """An action that was changed after it was made, as nothing else can have such values."""
    action = LikeAction(actor=actor, target=target)
    action.date, action.kwargs, action.uid = date, kwargs, uid
    return action


# Templates


def tags(site: Site) -> Iterator[Entry]:
    library = import_library("sequere.templatetags.sequere")
    factory = RequestFactory()
    for name in library.filters:
        for template in (f"{{{{ a|{name} }}}}", f"{{{{ a|{name}:b }}}}"):
            yield _of_template(f"filter {name}", template, site, factory)
    for name, tag in library.tags.items():
        parameters = [one for one in inspect.signature(inspect.unwrap(tag)).parameters if one != "context"]
        keywords = " ".join(f"{one}=k_{one}" for one in parameters[1:] if one not in {"parser", "token"})
        for template in (f"{{% {name} a %}}", f"{{% {name} a b %}}", f"{{% {name} a {keywords} %}}"):
            yield _of_template(f"tag {name}", template, site, factory)


def _of_template(name: str, source: str, site: Site, factory: RequestFactory) -> Entry:
    template_text = "{% load sequere %}" + source
    variables = {one: values_for("instance", site) for one in re.findall(r"\b[ab]\b", source)}
    variables |= {f"k_{one}": values_for(one, site) for one in re.findall(r"k_(\w+)", source)}
    variables["older"] = inputs.texts

    def call(given: dict[str, Any]) -> Any:
        request = factory.get("/", {"older": given.pop("older").encode(errors="replace").decode()})
        request.user = site.users[0]
        return Template(template_text).render(Context({**given, "request": request}))

    return Entry(f"{name}: {source}", st.fixed_dictionaries(variables), call)


# Views


def views(site: Site) -> Iterator[Entry]:
    from sequere import urls
    from sequere_timeline import urls as timeline_urls

    client = Client(raise_request_exception=True)
    client.force_login(site.users[0])
    ours = [*urls.urlpatterns, *timeline_urls.urlpatterns]
    prefixed = [("/sequere/", pattern) for pattern in ours]
    for model, model_admin in admin.site._registry.items():
        if type(model_admin).__module__.startswith("sequere"):
            address = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
            prefixed += [(address, pattern) for pattern in model_admin.get_urls() if isinstance(pattern, URLPattern)]
    names = sorted({*parameter_names(), *EventsForm.base_fields})
    for prefix, pattern in prefixed:
        for method in ("GET", "POST"):
            yield _of_view(method, prefix, str(pattern.pattern), names, client)


def parameter_names() -> set[str]:
    """The names of parameters that the code asks for."""
    root = Path(sequere.__file__).parent.parent
    sources = [*root.glob("sequere/**/*.py"), *root.glob("sequere_timeline/**/*.py")]
    asked = r"""(?:GET|POST|given|values)\.(?:get|getlist)\(\s*"(\w+)"|_number\(request, "(\w+)"\)"""
    return {name for path in sources for pair in re.findall(asked, path.read_text()) for name in pair if name}


def _of_view(method: str, prefix: str, route: str, names: list[str], client: Client) -> Entry:
    places = re.findall(r"<(?:\w+:)?(\w+)>", route)
    arguments = st.fixed_dictionaries(
        {
            "path": st.tuples(*(st.sampled_from(["user", "1", "followers", "follows"]) | inputs.texts for _ in places)),
            "query": st.dictionaries(st.sampled_from(names), inputs.texts | st.sampled_from(["user", "1"]), max_size=4),
            "charset": st.sampled_from(["utf-8", "unicode_escape", "utf-7", "latin-1", "idna"]),
            "accept": st.sampled_from(["text/html", "application/json"]) | inputs.texts,
        }
    )

    def call(given: dict[str, Any]) -> Any:
        parts = iter(quote(text, errors="replace") or "x" for text in given["path"])
        path = prefix + re.sub(r"<[^>]*>", lambda _: next(parts), route)
        encoded = "&".join(f"{name}={_quoted(text, given['charset'])}" for name, text in given["query"].items())
        kind = "application/x-www-form-urlencoded" if method == "POST" else "text/plain"
        extra = {"QUERY_STRING": encoded} if method == "GET" else {}
        response = client.generic(
            method,
            path,
            encoded if method == "POST" else "",
            content_type=f"{kind}; charset={given['charset']}",
            HTTP_ACCEPT=given["accept"]
            .encode(errors="replace")
            .decode("latin-1")
            .replace("\n", " ")
            .replace("\r", " "),
            **extra,
        )
        if response.status_code >= 500 and response.status_code != 503:
            raise RuntimeError(f"{response.status_code} for {path}")
        if getattr(response, "streaming", False):
            return b"".join(response.streaming_content)
        return response

    return Entry(f"{method} {prefix}{route}", arguments, call, is_open=True)


def _quoted(text: str, charset: str) -> str:
    """A text as a client sends it that names an encoding; in UTF-8, if that cannot express it."""
    try:
        return quote(text.encode(charset))
    except UnicodeError:
        return quote(text, errors="replace")


# Commands


def commands() -> Iterator[Entry]:
    folder = Path(sequere.__file__).parent / "management" / "commands"
    for path in sorted(folder.glob("[a-z]*.py")):
        if path.stem not in NOT_TRIED:
            yield _of_command(path.stem)


def _of_command(name: str) -> Entry:
    command = load_command_class("sequere", name)
    parser = command.create_parser("manage.py", name)
    words: list[st.SearchStrategy[list[str]]] = []
    for action in parser._actions:
        if LEFT_OUT & {*action.option_strings}:
            continue
        value = inputs.texts | st.sampled_from([*map(str, action.choices or ()), "1", "1%", "follows"])
        if not action.option_strings:
            words.append(value.map(lambda text: [text]))
        elif action.nargs == 0:
            words.append(st.just([action.option_strings[-1]]))
        else:
            words.append(value.map(lambda text, option=action.option_strings[-1]: [f"{option}={text}"]))

    def call(drawn: list[list[str]]) -> Any:
        always = ["--once"] if name == "run_projections" else []
        given = [word for one in drawn for word in one if not word.startswith("--refused")]
        return call_command(name, *always, *given, stdout=io.StringIO(), stderr=io.StringIO())

    return Entry(f"manage.py {name}", st.lists(st.one_of(words), max_size=4), call)
