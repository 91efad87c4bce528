"""Random conversations in the world `home`."""

from __future__ import annotations

from typing import Any

from toolmark.generators.template.worlds.choices import Choices
from toolmark.generators.template.worlds.draft import Draft
from toolmark.generators.template.worlds.world_tasks import WorldTasks

__all__ = ["HOME"]

_SWITCH_ORDERS = (
    "switch the {name} {what}",
    "turn {what} the {name}",
    "turn the {name} {what}",
    "put the {name} {what}",
)


def _state(choices: Choices) -> dict[str, Any]:
    rng = choices.rng
    rooms = choices.names("rooms", 4)
    devices: dict[str, Any] = {
        name: {"room": rng.choice(rooms), "kind": "light", "on": choices.chance(0.5), "level": 5 * rng.randint(2, 20)}
        for name in choices.names("lights", 4)
    }
    devices |= {
        name: {"room": rng.choice(rooms), "kind": "plug", "on": choices.chance(0.5), "online": choices.chance(0.7)}
        for name in choices.names("plugs", 2)
    }
    for room in rooms[:2]:
        devices[f"{room} heating"] = {"room": room, "kind": "heating", "celsius": rng.randint(32, 48) / 2}
        devices[f"{room} blind"] = {"room": room, "kind": "blind", "level": 10 * rng.randint(0, 10)}
    for room in rooms[2:]:
        locked = choices.chance(0.5)
        devices[f"{room} door"] = {
            "room": room,
            "kind": "door",
            "locked": locked,
            "shut": locked or choices.chance(0.5),
        }
    lights = [name for name, one in devices.items() if one["kind"] == "light"]
    return {
        "devices": devices,
        "scenes": {
            name: {light: choices.chance(0.5) for light in rng.sample(lights, 2)} for name in choices.names("scenes", 2)
        },
        "timers": [
            {"id": f"w{number}", "device": rng.choice(lights), "at": _time(choices), "on": choices.chance(0.5)}
            for number in range(1, rng.randint(2, 3))
        ],
    }


def _time(choices: Choices) -> str:
    return f"{choices.rng.randint(5, 23):02}:{choices.rng.choice((0, 10, 15, 20, 30, 40, 45, 50)):02}"


def _device(draft: Draft, kind: str, **wanted: Any) -> tuple[str, dict[str, Any]]:
    """Draw a device that can be reached, with its name."""
    wanted |= {"kind": kind, "online": True}
    found: tuple[str, dict[str, Any]] = draft.pick(
        draft.state["devices"].items(), lambda one: all(one[1].get(key) == value for key, value in wanted.items())
    )
    return found


def _switch(draft: Draft) -> None:
    name, device = _device(draft, draft.pick(("light", "plug")))
    on = not device["on"]
    what = "on" if on else "off"
    draft.order(*_SWITCH_ORDERS, name=name, what=what)
    draft.call("switch", device=name, on=on)
    draft.answer(f"The {{name}} is {what}.", f"I switched the {{name}} {what}.", name=name)
    if draft.choices.chance(0.3):
        back = "off" if on else "on"
        draft.ask(f"And {back} again.", f"Now {back} again.", f"Sorry, back to {back}.", f"I changed my mind: {back}.")
        draft.call("switch", device=name, on=not on)
        draft.answer(f"The {{name}} is {back} again.", name=name)


def _brightness(draft: Draft) -> None:
    name, device = _device(draft, "light")
    about: dict[str, Any] = {"name": name, "percent": draft.choices.rng.randint(5, 99)}
    draft.order(
        "set the {name} to {percent} percent",
        "make the {name} {percent}% bright",
        "give the {name} a brightness of {percent} percent",
        "dim the {name} to {percent}%",
        **about,
    )
    if not device["on"]:
        draft.call("set_brightness", device=name, percent=about["percent"], fails=True)
        draft.call("switch", device=name, on=True)
    draft.call("set_brightness", device=name, percent=about["percent"])
    draft.answer("The {name} is at {percent}%.", "The {name} is on, with {percent} percent.", **about)


def _brightness_missing(draft: Draft) -> None:
    name, _ = _device(draft, "light", on=True)
    about: dict[str, Any] = {"name": name, "percent": draft.choices.rng.randint(5, 99)}
    draft.order(
        "change the brightness of the {name}",
        "dim the {name}",
        "set the {name} to another brightness",
        "adjust how bright the {name} is",
        **about,
    )
    draft.decline(
        "missing_argument", "To how many percent?", "How bright should it be?", tool="set_brightness", missing="percent"
    )
    draft.ask("{percent} percent.", "{percent}%.", "Make it {percent} percent.", "To {percent}, please.", **about)
    draft.call("set_brightness", device=name, percent=about["percent"])
    draft.answer("The {name} is at {percent} percent.", **about)


def _temperature(draft: Draft) -> None:
    name, device = _device(draft, "heating")
    about = {"room": device["room"], "celsius": draft.choices.rng.randint(30, 50) / 2}
    draft.order(
        "set the heating in the {room} to {celsius} degrees",
        "make the {room} {celsius} degrees warm",
        "heat the {room} to {celsius} °C",
        "put the {room} heating at {celsius} degrees",
        **{**about, "celsius": f"{about['celsius']:g}"},
    )
    draft.call("list_devices", room=device["room"], kind="heating")
    draft.call("set_temperature", device=name, celsius=about["celsius"])
    draft.answer(
        "The heating in the {room} is set to {celsius} °C.", room=device["room"], celsius=f"{about['celsius']:g}"
    )


def _how_warm(draft: Draft) -> None:
    name, device = _device(draft, "heating")
    draft.ask(
        "What is the {name} set to?",
        "How warm is the {name} set?",
        "Which temperature did I choose for the {name}?",
        "To how many degrees is the {name} set?",
        name=name,
    )
    draft.call("device_status", device=name)
    draft.answer(
        "It is set to {celsius} °C.", "{celsius} degrees.", say=[[device["celsius"]]], celsius=f"{device['celsius']:g}"
    )
    warmer = device["celsius"] + 1.5
    draft.ask(
        "Make it one and a half degrees warmer.",
        "Then 1.5 degrees more, please.",
        "Raise it by 1.5 degrees.",
        "Turn it up by one and a half degrees.",
    )
    draft.call("set_temperature", device=name, celsius=warmer)
    draft.answer("The {name} is now set to {celsius} °C.", name=name, celsius=f"{warmer:g}")


def _blind(draft: Draft) -> None:
    name, _ = _device(draft, "blind")
    percent = draft.pick((0, 100, draft.choices.rng.randint(10, 90)))
    how = {0: "open the {name} completely", 100: "close the {name} completely"}.get(
        percent, "close the {name} to {percent} percent"
    )
    draft.order(how, f"{how} now", f"go ahead and {how}", f"{how} right away", name=name, percent=percent)
    draft.call("set_blind", device=name, percent=percent)
    draft.answer("The {name} is {percent}% closed.", name=name, percent=percent)


def _lock(draft: Draft) -> None:
    name, device = _device(draft, "door", locked=False)
    draft.order(
        "lock the {name}", "see that the {name} is locked", "make sure to lock the {name}", "bolt the {name}", name=name
    )
    if device["shut"]:
        draft.call("set_locked", device=name, locked=True)
        draft.answer("The {name} is locked.", name=name)
    else:
        draft.call("set_locked", device=name, locked=True, fails=True)
        draft.answer("The {name} is not shut, so I cannot lock it.", say=[["not shut", "open", "shut"]], name=name)


def _is_locked(draft: Draft) -> None:
    name, device = _device(draft, "door")
    locked = "locked" if device["locked"] else "unlocked"
    draft.ask(
        "Is the {name} locked?",
        "Did I lock the {name}?",
        "Can you check the lock of the {name}?",
        "Tell me whether the {name} is locked.",
        name=name,
    )
    draft.call("device_status", device=name)
    told = ["locked"] if device["locked"] else ["unlocked", "not locked"]
    draft.answer(f"The {{name}} is {locked}.", say=[told], name=name)
    if device["locked"]:
        draft.ask("Unlock it.", "Then open the lock.", "Please unlock it for a guest.", "Can you unlock it?")
        draft.call("set_locked", device=name, locked=False)
        draft.answer("The {name} is unlocked.", name=name)


def _offline(draft: Draft) -> None:
    name, device = draft.pick(draft.state["devices"].items(), lambda one: not one[1]["online"])
    what = "off" if device["on"] else "on"
    draft.order(*_SWITCH_ORDERS, name=name, what=what)
    draft.call("switch", device=name, on=not device["on"], fails=True)
    draft.answer("The {name} cannot be reached. It is offline.", say=[["offline", "reach", "reached"]], name=name)


def _scene(draft: Draft) -> None:
    scene = draft.pick(draft.state["scenes"])
    draft.order(
        "start the scene {scene}",
        "set the scene {scene}",
        "get {scene} going",
        "activate the scene {scene}",
        scene=scene,
    )
    draft.call("start_scene", scene=scene)
    draft.answer("The scene {scene} is on.", "I started {scene}.", scene=scene)


def _timer(draft: Draft) -> None:
    name, _ = _device(draft, "light")
    on = draft.choices.chance(0.5)
    about = {"name": name, "at": _time(draft.choices)}
    what = "on" if on else "off"
    draft.order(
        f"switch the {{name}} {what} at {{at}} every day",
        f"set a timer that turns the {{name}} {what} at {{at}}",
        f"turn the {{name}} {what} every day at {{at}}",
        f"see that the {{name}} goes {what} at {{at}} each day",
        **about,
    )
    draft.call("set_timer", device=name, at=about["at"], on=on)
    draft.answer(f"The {{name}} goes {what} at {{at}} every day.", **about)


def _delete_timer(draft: Draft) -> None:
    timer = draft.pick(draft.state["timers"])
    about = {"name": timer["device"], "at": timer["at"]}
    draft.order(
        "delete the timer of the {name} at {at}",
        "remove the {at} timer for the {name}",
        "drop the timer that switches the {name} at {at}",
        "cancel the {name} timer at {at}",
        **about,
    )
    draft.call("list_timers")
    draft.call("delete_timer", timer_id=timer["id"])
    draft.answer("The timer of the {name} at {at} is deleted.", **about)


HOME = WorldTasks(
    name="home",
    state=_state,
    tasks=(
        *(_switch, _brightness, _brightness_missing, _temperature, _how_warm, _blind, _lock, _is_locked, _offline),
        *(_scene, _timer, _delete_timer),
    ),
    beyond=(
        ("Vacuum the stairs.", "I have no robot that vacuums."),
        ("Order new bulbs.", "I cannot order anything."),
        ("Ring the bell of the neighbours.", "I have no tool for the neighbours' bell."),
        ("Record the film on channel four.", "I cannot record films."),
        ("Tell me who rang at noon.", "I have no camera and no log of visitors."),
        ("Mow the lawn tonight.", "I have no tool for the garden."),
        ("Start the dishwasher.", "I cannot start the dishwasher."),
        ("Play some jazz in the hall.", "I have no tool that plays music."),
    ),
)
