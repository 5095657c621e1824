"""`onhook completion SHELL`: a script that completes the command's own words; files elsewhere.

The words are those of the parser, written into the script: completing starts no process.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator

from msgspec import Struct

from onhook.cli.parser import build_parser


class Place(Struct, frozen=True):
    """Words that may follow `path`; each with what it is for."""

    path: str
    words: tuple[tuple[str, str], ...]
    is_parent: bool


def execute(given: argparse.Namespace) -> int:
    places = list(_places(build_parser(), "onhook"))
    sys.stdout.write({"bash": _bash, "zsh": _zsh, "fish": _fish}[given.shell](places))
    return 0


def _places(parser: argparse.ArgumentParser, path: str) -> Iterator[Place]:
    words: list[tuple[str, str]] = []
    children: list[tuple[str, argparse.ArgumentParser]] = []
    for action in parser._actions:  # noqa: SLF001 - argparse tells what it parses nowhere else
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            helps = {each.dest: each.help or "" for each in action._choices_actions}  # noqa: SLF001
            words += [(name, helps.get(name, "")) for name in action.choices]
            children += action.choices.items()
        elif action.option_strings:
            words += [(flag, action.help or "") for flag in action.option_strings]
        elif action.choices:
            words += [(str(choice), action.help or "") for choice in action.choices]
    yield Place(path, tuple(words), bool(children))
    for name, child in children:
        yield from _places(child, f"{path} {name}")


def _bash(places: list[Place]) -> str:
    paths = "|".join(shlex.quote(place.path) for place in places[1:])
    cases = "\n".join(
        f"    {shlex.quote(place.path)}) words={shlex.quote(_joined(place))} ;;" for place in places
    )
    return f"""# onhook, for bash: source <(onhook completion bash)
_onhook() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" path=onhook word words=
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$path $word" in
      {paths}) path="$path $word" ;;
    esac
  done
  case "$path" in
{cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _onhook onhook
"""


def _joined(place: Place) -> str:
    return " ".join(word for word, _ in place.words)


def _zsh(places: list[Place]) -> str:
    script = _bash(places).split("\n", 1)[1]
    head = "# onhook, for zsh: source <(onhook completion zsh)\n"
    return f"{head}autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n{script}"


def _fish(places: list[Place]) -> str:
    paths = " ".join(shlex.quote(place.path) for place in places[1:])
    lines = [
        "# onhook, for fish: onhook completion fish | source",
        "function __onhook_path",
        "    set -l path onhook",
        "    for word in (commandline -opc)[2..-1]",
        f'        if contains -- "$path $word" {paths}',
        '            set path "$path $word"',
        "        end",
        "    end",
        "    echo $path",
        "end",
    ]
    for place in places:
        test = shlex.quote(f'test (__onhook_path) = "{place.path}"')
        for word, what in place.words:
            flag = f"-l {word[2:]}" if word.startswith("--") else f"-s {word[1:]}"
            given = flag if word.startswith("-") else f"-a {shlex.quote(word)}"
            no_files = " -f" if place.is_parent else ""
            text = shlex.quote(what.replace("%%", "%"))
            lines.append(f"complete -c onhook -n {test}{no_files} {given} -d {text}")
    return "\n".join(lines) + "\n"
