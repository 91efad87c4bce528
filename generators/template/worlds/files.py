"""Random conversations in the world `files`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from toolmark.generators.template.worlds.choices import Choices
from toolmark.generators.template.worlds.draft import Draft
from toolmark.generators.template.worlds.world_tasks import WorldTasks

__all__ = ["FILES"]


def _state(choices: Choices) -> dict[str, Any]:
    rng = choices.rng
    *folders, empty = choices.names("folders", rng.choice((3, 4)))
    files = choices.names("files", 5)

    def text() -> str:
        return "\n".join(choices.names("lines", rng.randint(1, 3)))

    root: dict[str, Any] = {folder: {} for folder in (*folders, empty)}
    for index, name in enumerate(files):
        place = root if index == 0 else root[folders[index % len(folders)]]
        place[name] = text()
    return {"root": root}


def _files(draft: Draft) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each file."""
    for name, inner in draft.state["root"].items():
        if isinstance(inner, str):
            yield name, inner
        else:
            yield from ((f"{name}/{file}", text) for file, text in inner.items() if isinstance(text, str))


def _folders(draft: Draft) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from ((name, inner) for name, inner in draft.state["root"].items() if isinstance(inner, dict))


def _new_file(draft: Draft) -> dict[str, str]:
    """Draw the path of a file that does not exist yet, and a line for it."""
    folder, inner = draft.pick(_folders(draft))
    return {"path": f"{folder}/{draft.new_name('files', inner)}", "line": draft.choices.name("lines")}


def _read(draft: Draft) -> None:
    path, text = draft.pick(_files(draft))
    draft.ask(
        "What does {path} say?",
        "What is written in {path}?",
        "Read {path} to me.",
        "Show me the text of {path}.",
        "What's in {path}?",
        path=path,
    )
    draft.call("read_file", path=path)
    draft.answer(
        "It says: {text}",
        "{path} contains: {text}",
        say=[[line] for line in text.split("\n")],
        path=path,
        text=text.replace("\n", "; "),
    )


def _where(draft: Draft) -> None:
    path, _ = draft.pick(_files(draft), lambda one: "/" in one[0])
    folder, _, name = path.rpartition("/")
    draft.ask(
        "Where is {name}?",
        "In which folder do I have {name}?",
        "Can you find {name}?",
        "I am looking for {name}. Which folder is it in?",
        name=name,
    )
    draft.call("find_files", name=name)
    draft.answer("It is in the folder {folder}.", "{name} is in {folder}.", say=[[folder]], name=name, folder=folder)


def _search(draft: Draft) -> None:
    _, text = draft.pick(_files(draft))
    line = draft.pick(text.split("\n"))
    found = [one for one, inner in _files(draft) if line in inner]
    draft.ask(
        'Which of my files mention "{line}"?',
        'Where did I write "{line}"?',
        'In which files is the line "{line}"?',
        'Find every file that says "{line}".',
        line=line,
    )
    draft.call("search_text", text=line)
    draft.answer("I found it in {found}.", "That is in {found}.", say=[[one] for one in found], found=found)


def _list(draft: Draft) -> None:
    folder, inner = draft.pick(_folders(draft), lambda one: bool(one[1]))
    draft.ask(
        "What is in the folder {folder}?",
        "Which files are in {folder}?",
        "List the folder {folder}.",
        "Tell me what {folder} contains.",
        folder=folder,
    )
    draft.call("list_folder", folder=folder)
    draft.answer(
        "{folder} contains {names}.",
        "There is {names} in {folder}.",
        say=[[name] for name in inner],
        folder=folder,
        names=sorted(inner),
    )


def _append(draft: Draft) -> None:
    path, text = draft.pick(_files(draft))
    about = {"path": path, "line": draft.new_name("lines", text)}
    draft.order(
        'add the line "{line}" to {path}',
        'put "{line}" at the end of {path}',
        'write "{line}" below the rest of {path}',
        'append "{line}" to {path}',
        **about,
    )
    draft.call("append_to_file", path=path, text=about["line"])
    draft.answer('I added "{line}" to {path}.', '{path} now ends with "{line}".', **about)


def _append_or_create(draft: Draft) -> None:
    about = _new_file(draft)
    draft.order(
        'add "{line}" to {path}. If there is no such file, make it',
        'append "{line}" to {path}, and create the file if needed',
        'put "{line}" into {path}, which perhaps does not exist yet',
        'write "{line}" at the end of {path}, or into a new file if it is missing',
        **about,
    )
    draft.call("append_to_file", path=about["path"], text=about["line"], fails=True)
    draft.call("create_file", path=about["path"], text=about["line"])
    draft.answer('There was no {path}, so I created it with the line "{line}".', **about)


def _create(draft: Draft) -> None:
    about = _new_file(draft)
    draft.order(
        'create the file {path} with the text "{line}"',
        'make a file {path} that says "{line}"',
        'write "{line}" into a new file {path}',
        'start a file {path} with "{line}" in it',
        **about,
    )
    draft.call("create_file", path=about["path"], text=about["line"])
    draft.answer("I created {path}.", "The new file {path} is there.", **about)


def _move(draft: Draft) -> None:
    path, _ = draft.pick(_files(draft))
    before, _, name = path.rpartition("/")
    folder, _ = draft.pick(_folders(draft), lambda one: one[0] != before and name not in one[1])
    about = {"name": name, "path": path, "folder": folder}
    draft.order(
        "move {path} to the folder {folder}",
        "put {path} into {folder}",
        "take {path} over to {folder}",
        "place {path} in the folder {folder}",
        **about,
    )
    draft.call("move", path=path, new_path=f"{folder}/{name}")
    draft.answer("{name} is now in {folder}.", "I moved {name} to {folder}.", **about)
    if draft.choices.chance(0.4):
        draft.ask("No, undo that.", "Sorry, move it back.", "That was wrong, put it back.", "Oh, back with it, please.")
        draft.call("move", path=f"{folder}/{name}", new_path=path)
        draft.answer("{name} is back at its old place.", "I moved it back to {path}.", **about)


def _move_by_name(draft: Draft) -> None:
    path, _ = draft.pick(_files(draft), lambda one: "/" in one[0])
    before, _, name = path.rpartition("/")
    folder = draft.new_name("folders", draft.state["root"])
    about = {"name": name, "folder": folder, "before": before}
    draft.order(
        "find {name} and put it into a new folder {folder}",
        "make a folder {folder} and move {name} there. I forgot where it is",
        "look for {name} and move it to {folder}, a folder that you must create",
        "create {folder} and move {name} into it, wherever it is now",
        **about,
    )
    draft.call("find_files", name=name)
    draft.call("make_folder", path=folder)
    draft.call("move", path=path, new_path=f"{folder}/{name}")
    draft.answer("{name} was in {before}. It is now in the new folder {folder}.", **about)


def _rename(draft: Draft) -> None:
    path, _ = draft.pick(_files(draft))
    before, _, name = path.rpartition("/")
    taken = {one for one, _ in _files(draft)}
    start = f"{before}/" if before else ""
    new = draft.pick(draft.choices.all_names("files"), lambda one: start + one not in taken)
    draft.order(
        "rename {path}",
        "give {path} another name",
        "change the name of {path}",
        "call {path} something else",
        path=path,
    )
    draft.decline(
        "missing_argument", "What should the new name be?", "How should it be called?", tool="move", missing="new_path"
    )
    draft.ask("{new}", "Call it {new}.", "{new}, please.", "The name should be {new}.", new=new)
    draft.call("move", path=path, new_path=start + new)
    draft.answer("{name} is now called {new}.", "I renamed it to {new}.", name=name, new=new)


def _replace(draft: Draft) -> None:
    path, text = draft.pick(_files(draft))
    old = draft.pick(text.split("\n"))
    about = {"path": path, "old": old, "new": draft.new_name("lines", text)}
    draft.order(
        'replace "{old}" by "{new}" in {path}',
        'change "{old}" to "{new}" in the file {path}',
        'put "{new}" in the place of "{old}" in {path}',
        'swap "{old}" for "{new}" in {path}',
        **about,
    )
    draft.call("replace_text", path=path, old=old, new=about["new"])
    draft.answer('{path} now says "{new}" instead of "{old}".', **about)


def _delete_folder(draft: Draft) -> None:
    folder, inner = draft.pick(_folders(draft), lambda one: len(one[1]) <= 1)
    draft.order(
        "delete the folder {folder}",
        "remove the folder {folder}",
        "get rid of the folder {folder}",
        "throw the folder {folder} away",
        folder=folder,
    )
    if not inner:
        draft.call("delete", path=folder)
        draft.answer("The folder {folder} is deleted.", folder=folder)
        return
    draft.call("delete", path=folder, fails=True)
    draft.answer("{folder} is not empty. One file is in it. Shall I delete that, too?", say=[["empty"]], folder=folder)
    draft.ask("Yes, all of it.", "Yes, delete both.", "Sure, I don't need it.", "Yes, the file can go.")
    draft.call("list_folder", folder=folder)
    draft.call("delete", path=f"{folder}/{next(iter(inner))}")
    draft.call("delete", path=folder)
    draft.answer("The file and the folder {folder} are deleted.", folder=folder)


FILES = WorldTasks(
    name="files",
    state=_state,
    tasks=(
        *(_read, _where, _search, _list, _append, _append_or_create, _create, _move, _move_by_name, _rename),
        *(_replace, _delete_folder),
    ),
    beyond=(
        ("Print the files on the printer in the hall.", "I cannot print."),
        ("Send all of this to my sister by mail.", "I have no tool to send files."),
        ("Encrypt everything here with a password.", "I cannot encrypt files."),
        ("Restore what I deleted last month.", "I cannot restore deleted files."),
        ("Scan the letter on my desk.", "I have no scanner among my tools."),
        ("Upload the whole thing to the cloud.", "I have no tool for uploads."),
        ("Turn the screen brighter.", "I cannot change the screen."),
        ("Share my folders with Kim.", "I have no tool that shares folders."),
    ),
)
