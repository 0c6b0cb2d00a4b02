"""The command line is read as cluster.exe reads its own."""

import math

import pytest

from clusteradmin.cli.grammar import CommandLine, Option, UsageError, parse, seconds
from clusteradmin.cli.objects import OBJECTS


def read(*words: str) -> CommandLine:
    return parse(words, OBJECTS)


@pytest.mark.parametrize("option", ["--online", "/online", "/on", "--onl", "/ONLINE", "--On"])
def test_slash_and_dashes_and_abbreviations_are_the_same(option: str) -> None:
    assert read("group", "Web", option).verbs == (Option("online"),)


@pytest.mark.parametrize(
    ("words", "verb"),
    [
        ("resource R /stat", "status"),
        ("resource R /off", "offline"),
        ("resource R /move:G", "moveto"),
        ("resource R /prop", "properties"),
        ("resource R /priv", "privproperties"),
        ("resource R /listdep", "listdependencies"),
        ("resource R /adddep:S", "adddependency"),
        ("resource R /removedep:S", "removedependency"),
        ("resource R /ren:S", "rename"),
        ("res R /fail", "fail"),
        ("group G /move", "moveto"),
        ("node N /listint", "listinterfaces"),
        ("net N /listint", "listinterfaces"),
        ("restype /list", "list"),
        ("cluster /ver", "version"),
        ("cluster /ren:X", "rename"),
    ],
)
def test_the_originals_abbreviations(words: str, verb: str) -> None:
    assert read(*words.split()).verbs[0].name == verb


@pytest.mark.parametrize("alias", ["res", "restype", "net", "netint", "RESOURCE", "Group"])
def test_objects_have_short_names_and_case_does_not_matter(alias: str) -> None:
    assert read(alias).verbs == ()


def test_a_value_stands_behind_colon_or_equals_sign() -> None:
    assert read("group", "G", "--moveto:NODE2").verbs == (Option("moveto", "NODE2"),)
    assert read("group", "G", "--moveto=NODE2").verbs == (Option("moveto", "NODE2"),)
    assert read("group", "G", "--rename:A: B").verbs == (Option("rename", "A: B"),)


def test_a_value_that_must_be_there_may_be_the_next_word() -> None:
    line = read("resource", "R", "--create", "--group", "G", "--type", "Generic Application")
    assert [(o.name, o.value) for o in line.others] == [("group", "G"), ("type", "Generic Application")]
    with pytest.raises(UsageError, match="--rename needs a value"):
        read("group", "G", "--rename", "--json")


def test_the_target_stands_before_the_object_in_any_of_its_forms() -> None:
    for words in (["--cluster", "T"], ["--cluster:T"], ["/cluster:T"], ["--cluster=T"], ["T"]):
        assert read(*words, "group").target == "T"
    assert read("group", "--cluster:T").target == "T"
    assert read("group").target == ""


def test_a_cluster_whose_name_is_a_keyword_is_named_by_the_option() -> None:
    line = read("/cluster:group", "group", "node")
    assert (line.target, line.object.name, line.name) == ("group", "group", "node")


def test_several_verbs_stand_in_one_line_in_order() -> None:
    line = read("resource", "R", "--offline", "--wait:5", "--moveto:G2", "--online:10", "--json")
    assert [verb.name for verb in line.verbs] == ["offline", "moveto", "online"]
    assert line.seconds == 5.0
    assert line.has("json")


def test_properties_take_all_words_up_to_the_next_option() -> None:
    line = read("resource", "R", "--priv", "CommandLine=sleep 10 # = x", "CurrentDirectory=/tmp", "--json")
    assert line.verbs[0].pairs == (("CommandLine", "sleep 10 # = x"), ("CurrentDirectory", "/tmp"))
    assert read("resource", "R", "--prop").verbs[0].pairs == ()
    assert read("resource", "R", "--prop:Description=x").verbs[0].pairs == (("Description", "x"),)
    assert read("resource", "R", "--prop", "Description=", "X").verbs[0].pairs == (("Description", ""), ("X", None))


def test_waiting_without_a_number_has_no_limit() -> None:
    assert read("group", "G", "--moveto", "--wait").seconds == math.inf
    assert read("group", "G", "--moveto").seconds is None
    assert seconds(Option("online", "2.5")) == 2.5
    for wrong in ("x", "-1", "nan", "inf"):
        with pytest.raises(UsageError):
            seconds(Option("wait", wrong))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "An object is missing"),
        (["--online"], "stands before the object"),
        (["nonsense"], "is no kind of object"),
        (["group", "G", "--explode"], "has no option --explode"),
        (["group", "G", "--o"], "no option --o"),
        (["resource", "R", "--listo", "--l"], "has no option --l"),
        (["group", "A", "B"], "quotation marks"),
        (["group", "A", "--delete:now"], "takes no value"),
        (["resource", "R", "--prop", "=x"], "Name=value"),
        (["--cluster"], "needs a target"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_sentence(words: list[str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        read(*words)


def test_a_path_is_no_option() -> None:
    assert read("group", "/etc/hosts").name == "/etc/hosts"


def test_every_option_can_be_written_by_its_shortest_form() -> None:
    for spec in OBJECTS:
        for option in spec.options:
            assert spec.option(option.shortest) is option
            assert spec.option(option.name) is option


def test_what_the_wizards_offer_as_the_same_command_can_be_read() -> None:
    from clusteradmin.wizards.commandline import commands
    from nodeagent.api.objects import ObjectKind
    from nodeagent.api.requests import (
        CreateGroup,
        CreateResource,
        Rename,
        SetDependencies,
        SetPossibleOwners,
        SetPreferredOwners,
        SetProperties,
    )
    from tests.builders import cluster

    snapshot = cluster(nodes="ab", groups={"Web": "IP App"})
    for request in (
        CreateGroup(name="G", description="d", preferred_owners=(1, 2), properties={"FailoverThreshold": 3}),
        CreateResource(
            name="R",
            type="Generic Application",
            group="web",
            separate_monitor=True,
            possible_owners=(1,),
            dependencies=("ip",),
            parameters={"CommandLine": "a 'b c'"},
        ),
        SetProperties(kind=ObjectKind.RESOURCE, id="app", properties={"RestartAction": 1}, parameters={"X": None}),
        SetProperties(kind=ObjectKind.CLUSTER, id="cluster", properties={"Profile": "fast"}),
        SetPreferredOwners(group="web", nodes=(2, 1)),
        SetPossibleOwners(resource="app", nodes=None),
        SetDependencies(resource="app", providers=("ip",)),
        Rename(kind=ObjectKind.RESOURCE, id="app", name="Other"),
    ):
        lines = commands(request, snapshot)
        assert lines
        for words in lines:
            assert read(*words).verbs


@pytest.mark.parametrize(
    "words", [("node", "", "--pause"), ("group", " ", "--online"), ("resource", ""), ("net", "\t")]
)
def test_an_empty_name_is_no_name_and_not_all(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match=r"The name of the \w+ is empty"):
        read(*words)
