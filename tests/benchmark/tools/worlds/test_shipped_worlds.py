"""Each tool of the shipped worlds does what its description says, and tells the model why it refuses a call."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.readers.scenarios import load_scenarios
from toolmark.benchmark.tools.sources.lint import lint
from toolmark.benchmark.tools.sources.python_world import read_world
from toolmark.benchmark.tools.worlds.world import ToolError, World
from toolmark.benchmark.tools.worlds.world_names import SHIPPED_WORLDS

PACKAGE = "toolmark.benchmark.tools.worlds"

START = {scenario.world: scenario.state for scenario in load_scenarios(Path(shipped_cases("scenarios")), "dev")}
"""A state of each world: that of its last dev scenario."""

MESSAGE = {"id": "m1", "sender": "a@x.example", "subject": "S", "body": "B", "received": "2026-01-01T10:00"}
HOUSE = {
    "devices": {
        "lamp": {"room": "hall", "kind": "light"},
        "fan": {"room": "hall", "kind": "plug", "online": False},
        "heater": {"room": "hall", "kind": "heating", "celsius": 20},
        "door": {"room": "hall", "kind": "door", "shut": False},
        "blind": {"room": "hall", "kind": "blind"},
    },
    "scenes": {"work": {"lamp": True}, "all": {"lamp": True, "fan": True}},
}
TRIPS = {
    "connections": {
        code: {"kind": kind, "origin": "A", "destination": end, "day": "2026-05-01", "departs": at, "arrives": "23:00"}
        | {"price": price, "seats": 2}
        for code, kind, end, at, price in [
            ("T1", "train", "B", "10:00", 20),
            ("F1", "flight", "B", "08:00", 50),
            ("T2", "train", "C", "09:00", 30),
        ]
    },
    "hotels": {"Inn": {"city": "B", "price": 80, "rooms": 1, "stars": 3}},
    "trips": [{"id": "p1", "code": "T1", "people": 1, "price": 20, "refundable": False}],
}
GOODS = {
    "products": {"Pen": {"price": 2, "stock": 30, "category": "office", "rating": 4}},
    "addresses": {"home": "Street 1"},
    "vouchers": {"TEN": {"percent": 10, "minimum": 20}},
    "orders": [{"id": "o1", "items": {"Pen": 1}, "total": 6.9, "address": "home", "status": "delivered"}],
}

CALLS: Mapping[str, tuple[Any, list[tuple[str, dict[str, Any], Any]]]] = {
    "bank": (
        {
            "accounts": {"a": {"balance": 100, "limit": 60}, "b": {"balance": 0, "frozen": True}},
            "bills": [{"id": "b1", "payee": "P", "amount": 10, "due": "2026-01-01"}],
            "cards": {"debit": {"last_four": "1234", "account": "a"}},
        },
        [
            ("transfer", {"from_account": "a", "to": "b", "amount": 5}, "The account 'b' is frozen."),
            ("set_account_frozen", {"account": "b", "frozen": True}, "The account 'b' is already frozen."),
            ("set_account_frozen", {"account": "b", "frozen": False}, "b unfrozen"),
            ("transfer", {"from_account": "a", "to": "a", "amount": 5}, "The account 'a' cannot send money to itself."),
            ("transfer", {"from_account": "a", "to": "b", "amount": 61}, "The limit of one payment from 'a' is 60.00."),
            ("transfer", {"from_account": "b", "to": "a", "amount": 1}, "The balance of 'b' is only 0.00."),
            ("transfer", {"from_account": "a", "to": "c", "amount": 5}, "There is no account and no payee 'c'."),
            ("add_payee", {"name": "c", "iban": "DE00"}, "saved the payee c"),
            ("add_payee", {"name": "c", "iban": "DE00"}, "The name 'c' is already used."),
            ("list_payees", {}, [{"name": "c", "iban": "DE00"}]),
            (
                "transfer",
                {"from_account": "a", "to": "c", "amount": 5.5, "note": "n"},
                {"transfer": "t1", "amount": 5.5, "balance": 94.5},
            ),
            ("pay_bill", {"bill_id": "b1", "from_account": "x"}, "There is no account 'x'. The accounts are: a, b."),
            ("pay_bill", {"bill_id": "b1", "from_account": "a"}, {"transfer": "t2", "amount": 10.0, "balance": 84.5}),
            ("pay_bill", {"bill_id": "b1", "from_account": "a"}, "The bill b1 is already paid."),
            ("pay_bill", {"bill_id": "b2", "from_account": "a"}, "There is no bill 'b2'."),
            ("list_bills", {}, []),
            ("set_card_blocked", {"kind": "debit", "blocked": True}, "debit card blocked"),
            ("set_card_blocked", {"kind": "debit", "blocked": True}, "The card 'debit' is already blocked."),
            ("set_card_limit", {"kind": "debit", "daily_limit": 5}, "The card 'debit' is blocked. Unblock it before"),
            ("set_card_limit", {"kind": "gold", "daily_limit": 5}, "There is no card 'gold'. The cards are: debit."),
        ],
    ),
    "calendar": (
        {
            "people": {"Ann Lee": "a@x.example", "Ann Ray": "r@x.example"},
            "events": [{"id": "e1", "title": "Old", "start": "2026-03-02T09:00", "minutes": 60}],
        },
        [
            (
                "create_event",
                {"title": "New", "start": "2026-03-02T09:30"},
                "'Old' (e1) is at that time, from 09:00 to",
            ),
            ("create_event", {"title": "N", "start": "2026-02-30T09:30"}, "2026-02-30T09:30 is no real date and time."),
            ("create_event", {"title": "N", "start": "9999-12-31T23:00", "minutes": 600}, "The calendar ends with the"),
            ("move_event", {"event_id": "e1", "start": "9999-12-31T23:59"}, "The calendar ends with the year 9999."),
            ("find_free_time", {"day": "0001-01-01", "minutes": 1440}, []),
            ("find_free_time", {"day": "9999-12-31", "minutes": 600}, ["9999-12-31T08:00"]),
            ("find_free_time", {"day": "2026-03-02", "minutes": 60}, ["2026-03-02T08:00", "2026-03-02T10:00"]),
            ("move_event", {"event_id": "e1", "start": "2026-03-02T09:30", "minutes": 30}, {"minutes": 30}),
            (
                "invite",
                {"event_id": "e1", "guest": "Ann"},
                "There is no person 'Ann'. Do you mean one of these: Ann Lee,",
            ),
            ("invite", {"event_id": "e1", "guest": "Ann Lee"}, {"guests": ["Ann Lee"]}),
            ("invite", {"event_id": "e1", "guest": "Ann Lee"}, "Ann Lee is already invited to 'Old'."),
            ("uninvite", {"event_id": "e1", "guest": "Ann Ray"}, "'Ann Ray' is not a guest of 'Old'. The guests are:"),
            ("change_place", {"event_id": "e1", "place": "Hall"}, {"place": "Hall"}),
            ("find_events", {"text": "hall"}, [{"id": "e1"}]),
            ("list_events", {"first_day": "2026-03-03", "last_day": "2026-03-02"}, "The last day 2026-03-02 is before"),
            ("list_events", {"first_day": "2026-03-01", "last_day": "2026-03-02"}, [{"id": "e1"}]),
            ("set_reminder", {"event_id": "e1", "minutes_before": 5}, "reminder 5 minutes before Old"),
            ("cancel_event", {"event_id": "e1"}, "cancelled Old"),
            ("cancel_event", {"event_id": "e1"}, "There is no event 'e1'."),
        ],
    ),
    "files": (
        {"root": {"a": {"b.txt": "one two"}, "c.txt": ""}},
        [
            ("list_folder", {}, ["a/", "c.txt"]),
            ("list_folder", {"folder": "/a/"}, ["b.txt"]),
            ("list_folder", {"folder": "x"}, "There is no folder 'x'."),
            ("read_file", {"path": "a"}, "'a' is a folder."),
            ("read_file", {"path": "x.txt"}, "There is no file 'x.txt'."),
            ("find_files", {"name": "B."}, ["a/b.txt"]),
            ("search_text", {"text": "TWO"}, ["a/b.txt"]),
            ("create_file", {"path": "x/y.txt", "text": ""}, "There is no folder 'x'."),
            ("create_file", {"path": "c.txt", "text": ""}, "'c.txt' already exists."),
            ("append_to_file", {"path": "a/b.txt", "text": "three"}, "added a line to a/b.txt"),
            (
                "replace_text",
                {"path": "a/b.txt", "old": "four", "new": ""},
                "a/b.txt does not contain the text 'four'.",
            ),
            ("replace_text", {"path": "a/b.txt", "old": "o", "new": "o" * 60_000}, "The file would have 120011 chara"),
            ("append_to_file", {"path": "c.txt", "text": "x" * 100_001}, "The file would have 100001 characters, but"),
            ("replace_text", {"path": "a/b.txt", "old": "two\n", "new": "2 "}, "replaced 1 times"),
            ("copy_file", {"path": "a/b.txt", "new_path": "d.txt"}, "copied a/b.txt to d.txt"),
            ("read_file", {"path": "d.txt"}, "one 2 three"),
            ("move", {"path": "a", "new_path": "a/e"}, "a cannot be moved into itself."),
            ("move", {"path": "a", "new_path": "e"}, "moved a to e"),
            ("delete", {"path": "e"}, "The folder e is not empty. It contains 1 files or folders."),
            ("delete", {"path": "e/b.txt"}, "deleted e/b.txt"),
            ("delete", {"path": "e"}, "deleted e"),
            ("make_folder", {"path": "/"}, "The path is empty."),
        ],
    ),
    "home": (
        HOUSE,
        [
            ("list_devices", {"room": "Hall", "kind": "plug"}, [{"device": "fan", "room": "hall", "kind": "plug"}]),
            ("device_status", {"device": "heater"}, {"celsius": 20.0, "online": True}),
            ("device_status", {"device": "tv"}, "There is no device 'tv'. Use the exact name from list_devices."),
            ("switch", {"device": "heater", "on": True}, "'heater' is a heating, not a light or plug."),
            ("switch", {"device": "fan", "on": True}, "'fan' cannot be reached. It is offline."),
            ("set_brightness", {"device": "lamp", "percent": 5}, "'lamp' is off. Switch it on before you set its"),
            ("set_locked", {"device": "door", "locked": True}, "'door' is not shut, so it cannot be locked."),
            ("set_locked", {"device": "door", "locked": False}, "door is unlocked"),
            ("start_scene", {"scene": "all"}, "'fan' cannot be reached. It is offline."),
            ("start_scene", {"scene": "tea"}, "There is no scene 'tea'. The scenes are: work, all."),
            ("start_scene", {"scene": "work"}, "started work"),
            ("set_brightness", {"device": "lamp", "percent": 5}, "lamp has a brightness of 5%"),
            ("set_temperature", {"device": "heater", "celsius": 21.5}, "heater is set to 21.5 °C"),
            ("set_blind", {"device": "blind", "percent": 40}, "blind is 40% closed"),
            ("set_timer", {"device": "lamp", "at": "07:00", "on": True}, {"id": "w1"}),
            ("set_timer", {"device": "lamp", "at": "07:00", "on": False}, "'lamp' already has a timer at 07:00."),
            ("delete_timer", {"timer_id": "w1"}, "deleted the timer of lamp at 07:00"),
            ("delete_timer", {"timer_id": "w1"}, "There is no timer 'w1'."),
        ],
    ),
    "inbox": (
        {"messages": [MESSAGE | {"to": ["me@home.example", "c@x.example"]}], "contacts": {"Cy": "c@x.example"}},
        [
            ("list_messages", {"folder": "x"}, "There is no folder 'x'. The folders are: archive, inbox, spam, trash."),
            ("set_read", {"message_id": "m1", "read": True}, "marked m1 as read"),
            ("list_messages", {"unread_only": True}, []),
            ("search_messages", {"text": "b"}, [{"id": "m1"}]),
            ("read_message", {"message_id": "m1"}, {"body": "B"}),
            ("find_contact", {"name": "cy"}, [{"name": "Cy", "address": "c@x.example"}]),
            ("find_contact", {"name": "Al"}, "There is no contact 'Al'."),
            ("send_message", {"to": ["Cy"], "subject": "", "body": ""}, "'Cy' is no email address."),
            ("reply", {"message_id": "m1", "body": "x", "to_all": True}, "sent to a@x.example, c@x.example"),
            ("forward", {"message_id": "m1", "to": ["d@x.example"]}, "sent to d@x.example"),
            ("delete_message", {"message_id": "m1"}, "m1 is in 'inbox'. Only messages in 'trash' can be deleted."),
            ("move_message", {"message_id": "m1", "folder": "trash"}, "moved m1 to trash"),
            ("move_message", {"message_id": "m1", "folder": "trash"}, "The message m1 is already in 'trash'."),
            ("set_starred", {"message_id": "m1", "starred": True}, "starred m1"),
            ("delete_message", {"message_id": "m1"}, "deleted m1"),
            ("read_message", {"message_id": "m1"}, "There is no message 'm1'."),
            ("create_folder", {"name": "work"}, "created the folder work"),
            ("create_folder", {"name": "work"}, "There is already a folder 'work'."),
        ],
    ),
    "shop": (
        GOODS,
        [
            ("search_products", {"text": "OFFICE", "max_price": 1}, []),
            ("add_to_cart", {"product": "pen"}, "There is no product 'pen'. Use the exact name from search_products."),
            ("add_to_cart", {"product": "Pen", "count": 31}, "Only 30 of 'Pen' are in stock."),
            ("place_order", {"address": "home"}, "The cart is empty."),
            ("add_to_cart", {"product": "Pen", "count": 9}, "9 of Pen in the cart"),
            ("view_cart", {}, {"items": {"Pen": 9}, "goods": 18.0, "shipping": 4.9}),
            ("place_order", {"address": "work"}, "There is no address 'work'. The addresses are: home."),
            (
                "place_order",
                {"address": "home", "voucher": "TEN"},
                "The voucher 'TEN' needs goods for at least 20.00, not",
            ),
            ("place_order", {"address": "home", "voucher": "X"}, "The voucher 'X' does not exist."),
            ("add_to_cart", {"product": "Pen", "count": 21}, "30 of Pen in the cart"),
            ("remove_from_cart", {"product": "Pen", "count": 31}, "Only 30 of 'Pen' are in the cart."),
            ("remove_from_cart", {"product": "Pen", "count": 5}, "25 of Pen in the cart"),
            ("place_order", {"address": "home", "voucher": "TEN"}, {"order": "o2", "total": 49.9}),
            ("add_to_cart", {"product": "Pen", "count": 6}, "Only 5 of 'Pen' are in stock."),
            (
                "request_return",
                {"order_id": "o2", "reason": ""},
                "The order o2 cannot be sent back: its status is 'placed'",
            ),
            (
                "change_order_address",
                {"order_id": "o1", "address": "home"},
                "The order o1 cannot be sent elsewhere: its",
            ),
            ("save_address", {"name": "work", "address": "Street 2"}, "saved the address work"),
            ("change_order_address", {"order_id": "o2", "address": "work"}, "o2 goes to work"),
            ("cancel_order", {"order_id": "o2"}, "cancelled o2"),
            ("search_products", {}, [{"product": "Pen", "stock": 30}]),
            ("remove_from_cart", {"product": "Pen"}, "'Pen' is not in the cart. The cart holds: none."),
            ("request_return", {"order_id": "o1", "reason": "r"}, "return of o1 requested"),
        ],
    ),
    "tickets": (
        {"tickets": [{"id": "k1", "title": "One"}], "people": {"Jo Ek": "x", "Jo Li": "y"}, "labels": ["bug"]},
        [
            ("create_ticket", {"title": "Two", "priority": "high"}, {"ticket": "k2", "title": "Two"}),
            ("list_tickets", {"priority": "high"}, [{"id": "k2"}]),
            ("set_status", {"ticket_id": "k1", "status": "in progress"}, "k1 is assigned to nobody. Only an assigned"),
            (
                "assign",
                {"ticket_id": "k1", "person": "Jo"},
                "There is no person 'Jo'. Do you mean one of these: Jo Ek, Jo",
            ),
            ("assign", {"ticket_id": "k1", "person": "Jo Ek"}, "k1 is assigned to Jo Ek"),
            ("set_status", {"ticket_id": "k1", "status": "in progress"}, "k1 is in progress"),
            ("add_blocker", {"ticket_id": "k1", "blocked_by": "k2"}, "k1 is blocked by k2"),
            ("add_blocker", {"ticket_id": "k2", "blocked_by": "k1"}, "k2 and k1 would block each other."),
            ("set_status", {"ticket_id": "k1", "status": "closed"}, "k1 is blocked by k2."),
            ("set_status", {"ticket_id": "k2", "status": "closed"}, "k2 is closed"),
            ("set_priority", {"ticket_id": "k2", "priority": "low"}, "k2 is closed. Open it before you change it."),
            ("add_label", {"ticket_id": "k1", "label": "ui"}, "There is no label 'ui'. The labels are: bug."),
            ("add_label", {"ticket_id": "k1", "label": "bug"}, "labels of k1: bug"),
            ("remove_label", {"ticket_id": "k1", "label": "ui"}, "k1 has no label 'ui'. Its labels are: bug."),
            ("add_comment", {"ticket_id": "k1", "text": "Seen"}, "commented on k1"),
            ("search_tickets", {"text": "seen"}, [{"id": "k1", "title": "One", "status": "in progress"}]),
            ("read_ticket", {"ticket_id": "k3"}, "There is no ticket 'k3'."),
        ],
    ),
    "travel": (
        TRIPS,
        [
            ("search_connections", {"origin": "a", "destination": "b", "day": "2026-05-01"}, [{"code": "F1"}, {}]),
            ("search_hotels", {"city": "B", "max_price": 79}, []),
            ("book_connection", {"code": "T1", "people": 3}, "T1 has only 2 free seats."),
            ("book_connection", {"code": "X"}, "There is no connection 'X'."),
            ("book_connection", {"code": "T1", "people": 2}, {"booking": "p2", "price": 40.0}),
            (
                "change_connection",
                {"booking_id": "p1", "code": "F1"},
                "The ticket of p1 cannot be changed or refunded.",
            ),
            ("change_connection", {"booking_id": "p2", "code": "T2"}, "T2 goes from A to C, not on the booked route."),
            ("add_luggage", {"booking_id": "p2", "pieces": 1}, "p2 is a train. On a train, luggage is free and is not"),
            ("change_connection", {"booking_id": "p2", "code": "F1"}, {"code": "F1", "price": 100.0}),
            ("add_luggage", {"booking_id": "p2", "pieces": 2}, {"luggage": 2, "price": 130.0}),
            ("add_luggage", {"booking_id": "p2", "pieces": 2}, "p2 has 2 pieces of luggage, and 3 is the most."),
            ("cancel_booking", {"booking_id": "p2"}, {"refund": 130.0}),
            ("cancel_booking", {"booking_id": "p2"}, "There is no booked trip 'p2'."),
            (
                "book_hotel",
                {"hotel": "Inn", "check_in": "2026-05-01", "nights": 2, "rooms": 2},
                "'Inn' has only 1 free",
            ),
            ("book_hotel", {"hotel": "Inn", "check_in": "2026-05-01", "nights": 2}, {"booking": "h1", "price": 160.0}),
            ("change_stay", {"booking_id": "h1", "check_in": "2026-05-02", "nights": 1}, {"price": 80.0}),
            ("cancel_booking", {"booking_id": "h1"}, {"refund": 80.0}),
        ],
    ),
}
"""For each world a state, and calls in order. A text is the begin of the result or of the error."""


def world_of(name: str, state: Any) -> World:
    module = importlib.import_module(f"{PACKAGE}.{name}")
    return getattr(module, SHIPPED_WORLDS[name]).from_state(state)


def called(world: World, method: str, arguments: dict[str, Any]) -> Any:
    try:
        return getattr(world, method)(**arguments)
    except ToolError as error:
        return str(error)


def begins(result: Any, wanted: Any) -> bool:
    """Return whether a result has the wanted begin, the wanted keys, or begins with the wanted elements."""
    if isinstance(wanted, str):
        return isinstance(result, str) and result.startswith(wanted)
    if isinstance(wanted, dict):
        return all(result[key] == value for key, value in wanted.items())
    return len(result) >= len(wanted) and bool(wanted) == bool(result) and all(map(begins, result, wanted))


@pytest.mark.parametrize("name", SHIPPED_WORLDS)
def test_calls_and_refusals(name):
    state, calls = CALLS[name]
    world = world_of(name, state)
    for method, arguments, wanted in calls:
        result = called(world, method, arguments)
        assert begins(result, wanted), (method, arguments, result)
    assert world_of(name, world.state()) == world


def test_an_event_without_a_real_time_is_no_state():
    for start in ("soon", "9999-12-31T23:59"):
        with pytest.raises(ValueError, match=r"real date and time|ends with the year 9999"):
            world_of("calendar", {"events": [{"id": "e1", "title": "T", "start": start, "minutes": 60}]})


@pytest.mark.parametrize("name", SHIPPED_WORLDS)
def test_tools_are_described_and_every_tool_that_changes_something_is_called_here(name):
    read = read_world(f"{PACKAGE}.{name}", SHIPPED_WORLDS[name])
    assert lint(read) == []
    assert 5 <= len(read.tools) <= 12
    for tool in read.tools:
        assert all(argument.get("description") for argument in tool.parameters["properties"].values()), tool.name
    assert {tool.name for tool in read.tools if tool.effects == "write"} <= {method for method, _, _ in CALLS[name][1]}


@pytest.mark.parametrize("name", SHIPPED_WORLDS)
def test_a_tool_that_reads_changes_nothing(name):
    state, calls = CALLS[name]
    reading = {
        tool.name for tool in read_world(f"{PACKAGE}.{name}", SHIPPED_WORLDS[name]).tools if tool.effects == "read"
    }
    for method in reading:
        for some in (state, START[name]):
            arguments = [arguments for other, arguments, _ in calls if other == method] or [{}]
            world = world_of(name, some)
            before = json.dumps(world.state())
            for one in arguments:
                try:
                    called(world, method, one)
                except TypeError:  # The method has a required argument, and no call of it is listed.
                    continue
            assert json.dumps(world.state()) == before, method


@pytest.mark.parametrize("name", [*SHIPPED_WORLDS, "world"])
def test_no_world_has_a_clock_randomness_or_files(name):
    tree = ast.parse(inspect.getsource(importlib.import_module(f"{PACKAGE}.{name}")))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    allowed = {
        "__future__",
        "collections.abc",
        "datetime",
        "functools",
        "inspect",
        "json",
        "pydantic",
        "pydantic_core",
        "string",
        "typing",
    }
    assert {name for name in imported if not name.startswith("toolmark.")} <= allowed
    assert not used & {"now", "today", "utcnow", "open"}
