"""Random conversations in the world `travel`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from toolmark.generators.template.worlds.choices import Choices
from toolmark.generators.template.worlds.draft import Draft, Unsuitable
from toolmark.generators.template.worlds.world_tasks import WorldTasks

__all__ = ["TRAVEL"]


def _state(choices: Choices) -> dict[str, Any]:
    rng = choices.rng
    cities = choices.names("cities", 3)
    day = choices.day()
    connections: dict[str, Any] = {}
    for index, (origin, destination) in enumerate(
        ((cities[0], cities[1]), (cities[0], cities[1]), (cities[1], cities[2]), (cities[1], cities[0]))
    ):
        kind = rng.choice(("train", "flight"))
        hour = rng.randint(5, 18)
        connections[f"{'RX' if kind == 'train' else 'FQ'}{rng.randint(100, 899) + index}"] = {
            "kind": kind,
            "origin": origin,
            "destination": destination,
            "day": str(day + timedelta(days=index // 2)),
            "departs": f"{hour:02}:{rng.randint(10, 59)}",
            "arrives": f"{hour + rng.randint(1, 5):02}:{rng.randint(10, 59)}",
            "price": choices.euros(20, 300),
            "seats": rng.choice((0, 2, 9, 40)),
        }
    hotels: dict[str, Any] = {
        name: {
            "city": rng.choice(cities[:2]),
            "price": choices.euros(40, 220),
            "rooms": rng.randint(0, 8),
            "stars": rng.randint(2, 5),
        }
        for name in choices.names("hotels", 4)
    }
    code = rng.choice(list(connections))
    hotel = rng.choice(list(hotels))
    people, nights = rng.randint(1, 3), rng.randint(1, 5)
    return {
        "connections": connections,
        "hotels": hotels,
        "trips": [
            {
                "id": f"p{rng.randint(1, 40)}",
                "code": code,
                "people": people,
                "price": round(connections[code]["price"] * people, 2),
                "refundable": choices.chance(0.6),
            }
        ],
        "stays": [
            {
                "id": f"h{rng.randint(1, 40)}",
                "hotel": hotel,
                "check_in": str(day),
                "nights": nights,
                "rooms": 1,
                "price": round(hotels[hotel]["price"] * nights, 2),
            }
        ],
    }


def _connections(draft: Draft, one: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the connections on the route and the day of a connection, in order of departure."""
    route = ("origin", "destination", "day")
    found = [pair for pair in draft.state["connections"].items() if all(pair[1][key] == one[key] for key in route)]
    return sorted(found, key=lambda pair: str(pair[1]["departs"]))


def _when(draft: Draft) -> None:
    one = draft.pick(draft.state["connections"].values())
    found = _connections(draft, one)
    about = {"origin": one["origin"], "destination": one["destination"], "day": draft.choices.spoken(one["day"])}
    draft.ask(
        "How can I get from {origin} to {destination} on {day}?",
        "What goes from {origin} to {destination} on {day}?",
        "Which trains and flights are there from {origin} to {destination} on {day}?",
        "I must be in {destination} on {day}. What departs from {origin}, and when?",
        **about,
    )
    draft.call("search_connections", origin=one["origin"], destination=one["destination"], day=one["day"])
    listed = [f"the {it['kind']} {code} at {it['departs']}" for code, it in found]
    draft.answer("There is {listed}.", "You can take {listed}.", say=[[code] for code, _ in found], listed=listed)
    code, chosen = found[0]
    if chosen["seats"] < 2:
        return
    draft.ask(
        "Book the first one for two people.",
        "Two seats on the earliest one, please.",
        "Take the earliest one for the two of us.",
        "We are two. Book the one that departs first.",
    )
    made = draft.call("book_connection", code=code, people=2)
    draft.answer(
        "I booked two seats on {code} for {price} euros.", say=[[code], [made["price"]]], code=code, price=made["price"]
    )


def _full(draft: Draft) -> None:
    full, one = draft.pick(draft.state["connections"].items(), lambda pair: pair[1]["seats"] == 0)
    other, _ = draft.pick(_connections(draft, one), lambda pair: pair[1]["seats"] > 0)
    about = {"full": full, "other": other}
    draft.order(
        "book one seat on {full}, or on {other} if it is full",
        "get me a seat on {full}. If there is none, on {other}",
        "reserve {full} for me, otherwise {other}",
        "book {full}, one person. Take {other} if that does not work",
        **about,
    )
    draft.call("book_connection", code=full, people=1, fails=True)
    made = draft.call("book_connection", code=other, people=1)
    draft.answer("{full} is full, so I booked {other} for {price} euros.", say=[[other]], price=made["price"], **about)


def _book(draft: Draft) -> None:
    people = draft.choices.rng.randint(1, 4)
    code, one = draft.pick(draft.state["connections"].items(), lambda pair: pair[1]["seats"] >= people)
    about = {"code": code, "people": people, "kind": one["kind"]}
    draft.order(
        "book {people} seats on {code}",
        "get {people} seats on the {kind} {code}",
        "reserve {people} places on {code}",
        "buy tickets for {code}, {people} in number",
        **about,
    )
    made = draft.call("book_connection", code=code, people=people)
    draft.answer("{people} seats on {code} are booked for {price} euros.", price=made["price"], **about)


def _book_missing(draft: Draft) -> None:
    name, hotel = draft.pick(draft.state["hotels"].items(), lambda one: one[1]["rooms"] > 0)
    day, nights = draft.choices.day().isoformat(), draft.choices.rng.randint(2, 9)
    about = {"hotel": name, "day": draft.choices.spoken(day), "nights": nights, "city": hotel["city"]}
    draft.order(
        "book a room in {hotel} from {day}",
        "get me a room at {hotel}, arriving on {day}",
        "reserve a room in {hotel} for {day}",
        "book me into {hotel}. I arrive on {day}",
        **about,
    )
    draft.decline(
        "missing_argument",
        "For how many nights?",
        "How many nights will you stay?",
        tool="book_hotel",
        missing="nights",
    )
    draft.ask("{nights} nights.", "For {nights} nights.", "I stay {nights} nights.", "{nights}.", **about)
    made = draft.call("book_hotel", hotel=name, check_in=day, nights=nights)
    draft.answer("{hotel} is booked for {nights} nights. The price is {price} euros.", price=made["price"], **about)


def _hotels(draft: Draft) -> None:
    city = draft.pick(draft.state["hotels"].values())["city"]
    found = sorted((one["price"], name) for name, one in draft.state["hotels"].items() if one["city"] == city)
    price, name = found[0]
    draft.ask(
        "What is the cheapest hotel in {city}?",
        "Which hotel in {city} costs least?",
        "Where do I sleep for the least money in {city}?",
        "Find me the cheapest place to stay in {city}.",
        city=city,
    )
    draft.call("search_hotels", city=city)
    draft.answer(
        "{name}, for {price} euros a night.",
        "The cheapest is {name}: {price} euros.",
        say=[[name], [price]],
        name=name,
        price=price,
    )
    if draft.state["hotels"][name]["rooms"] == 0:
        return
    day, nights = draft.choices.day().isoformat(), draft.choices.rng.randint(1, 7)
    about = {"day": draft.choices.spoken(day), "nights": nights}
    draft.ask(
        "Book it from {day} for {nights} nights.",
        "Good. One room there, {nights} nights from {day}.",
        "I take it: arrival on {day}, {nights} nights.",
        "Then book that, {nights} nights, check-in on {day}.",
        **about,
    )
    made = draft.call("book_hotel", hotel=name, check_in=day, nights=nights)
    draft.answer("I booked {name} for {total} euros.", say=[[made["price"]]], name=name, total=made["price"])


def _bookings(draft: Draft) -> None:
    trips, stays = draft.state["trips"], draft.state["stays"]
    draft.ask(
        "What have I booked?",
        "Show me all my bookings.",
        "Which trips and hotels did I book?",
        "Tell me what is booked for me.",
    )
    draft.call("list_bookings")
    listed = [*(one["code"] for one in trips), *(one["hotel"] for one in stays)]
    draft.answer("You booked {listed}.", "These are booked: {listed}.", say=[[one] for one in listed], listed=listed)


def _cancel_trip(draft: Draft) -> None:
    trip = draft.pick(draft.state["trips"])
    if sum(one["code"] == trip["code"] for one in draft.state["trips"]) > 1:
        raise Unsuitable
    draft.order(
        "cancel my booking of {code}",
        "cancel {code}",
        "call off my trip with {code}",
        "give back the tickets for {code}",
        code=trip["code"],
    )
    draft.call("list_bookings")
    if trip["refundable"]:
        draft.call("cancel_booking", booking_id=trip["id"])
        draft.answer(
            "{code} is cancelled. You get {price} euros back.",
            say=[[trip["price"]]],
            code=trip["code"],
            price=trip["price"],
        )
    else:
        draft.call("cancel_booking", booking_id=trip["id"], fails=True)
        draft.answer(
            "The ticket for {code} cannot be refunded, so I did not cancel it.",
            say=[["refunded", "refund", "refundable"]],
            code=trip["code"],
        )


def _longer(draft: Draft) -> None:
    stay = draft.pick(draft.state["stays"])
    if sum(one["hotel"] == stay["hotel"] for one in draft.state["stays"]) > 1:
        raise Unsuitable
    about = {"hotel": stay["hotel"], "nights": stay["nights"] + draft.choices.rng.randint(1, 4)}
    draft.order(
        "make my stay at {hotel} {nights} nights long",
        "change my booking of {hotel} to {nights} nights",
        "extend the stay in {hotel} to {nights} nights",
        "let me stay at {hotel} for {nights} nights in all",
        **about,
    )
    draft.call("list_bookings")
    changed = draft.call("change_stay", booking_id=stay["id"], check_in=stay["check_in"], nights=about["nights"])
    draft.answer("You stay {nights} nights at {hotel} now, for {price} euros.", price=changed["price"], **about)


def _luggage(draft: Draft) -> None:
    trip = draft.pick(draft.state["trips"])
    kind = draft.state["connections"][trip["code"]]["kind"]
    about = {"code": trip["code"], "pieces": draft.choices.rng.randint(1, 2)}
    if sum(one["code"] == trip["code"] for one in draft.state["trips"]) > 1:
        raise Unsuitable
    draft.order(
        "add {pieces} pieces of luggage to my trip with {code}",
        "book {pieces} pieces of luggage for {code}",
        "put {pieces} suitcases on my booking of {code}",
        "get {pieces} pieces of luggage onto {code}",
        **about,
    )
    draft.call("list_bookings")
    if kind == "train":
        draft.call("add_luggage", booking_id=trip["id"], pieces=about["pieces"], fails=True)
        draft.answer(
            "{code} is a train. Luggage is free there, so nothing must be booked.", say=[["free", "train"]], **about
        )
    else:
        changed = draft.call("add_luggage", booking_id=trip["id"], pieces=about["pieces"])
        draft.answer(
            "The luggage for {code} is booked. The price is {price} euros now.", price=changed["price"], **about
        )


TRAVEL = WorldTasks(
    name="travel",
    state=_state,
    tasks=(_when, _full, _book, _book_missing, _hotels, _bookings, _cancel_trip, _longer, _luggage),
    beyond=(
        ("Get me a visa.", "I cannot get a visa."),
        ("Rent a camper van.", "I have no tool that rents cars."),
        ("Reserve a table in the dining car.", "I cannot reserve tables."),
        ("How warm will it be there?", "I have no tool for the weather."),
        ("Learn some phrases of the language for me.", "I have no tool for that."),
        ("Change my money for the trip.", "I cannot exchange money."),
        ("Send a postcard from there.", "I cannot send postcards."),
        ("Ask the hotel for a later breakfast.", "I have no tool to talk to the hotel."),
    ),
)
