"""Travel: trains and flights, hotels, and the bookings of one person."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from toolmark.benchmark.tools.effects import effects
from toolmark.benchmark.tools.worlds.world import Part, Record, ToolError, World, new_id, with_id

__all__ = ["Travel"]

Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
People = Annotated[int, Field(ge=1, le=9)]
Nights = Annotated[int, Field(ge=1, le=30)]

_LUGGAGE = 15.0


class Connection(Part):
    """A train or flight on one day. `departs` and `arrives` are times, `price` is for one person."""

    kind: Literal["train", "flight"]
    origin: str
    destination: str
    day: str
    departs: str
    arrives: str
    price: float
    seats: int


class Hotel(Part):
    """A hotel. `price` is for one room and one night."""

    city: str
    price: float
    rooms: int
    stars: int
    breakfast: bool = False


class Trip(Record):
    """A booked connection."""

    code: str
    people: int
    price: float
    luggage: int = 0
    refundable: bool = True


class Stay(Record):
    """A booked hotel."""

    hotel: str
    check_in: str
    nights: int
    rooms: int
    price: float


class Travel(World):
    """What can be booked, and what is booked. Connections are stored by code, hotels by name."""

    connections: dict[str, Connection] = {}
    hotels: dict[str, Hotel] = {}
    trips: list[Trip] = []
    stays: list[Stay] = []

    @effects("read")
    def search_connections(
        self, origin: str, destination: str, day: Day, kind: Literal["train", "flight"] | None = None
    ) -> JsonValue:
        """Find trains and flights between two cities on one day, in order of departure.

        Args:
            origin: City of departure.
            destination: City of arrival.
            day: The day, as YYYY-MM-DD.
            kind: Only trains or only flights. Leave it out for both.
        """
        return [
            {"code": code, **one.model_dump()}
            for code, one in sorted(self.connections.items(), key=lambda pair: pair[1].departs)
            if (one.origin.casefold(), one.destination.casefold()) == (origin.casefold(), destination.casefold())
            and one.day == day
            and kind in (None, one.kind)
        ]

    @effects("read")
    def search_hotels(self, city: str, max_price: float | None = None) -> JsonValue:
        """Find hotels in a city, the cheapest first.

        Args:
            city: The city.
            max_price: Highest price of a room for one night, in euros.
        """
        return [
            {"hotel": name, **hotel.model_dump()}
            for name, hotel in sorted(self.hotels.items(), key=lambda pair: pair[1].price)
            if hotel.city.casefold() == city.casefold() and (max_price is None or hotel.price <= max_price)
        ]

    @effects("read")
    def list_bookings(self) -> JsonValue:
        """List all booked trips and hotels."""
        trips = [{**one.model_dump(), **self._route(one.code)} for one in self.trips]
        return {"trips": trips, "stays": [one.model_dump() for one in self.stays]}  # type: ignore[dict-item]

    def book_connection(self, code: str, people: People = 1) -> JsonValue:
        """Book seats on a train or flight.

        Args:
            code: Code of the connection, for example TR18.
            people: How many people travel.
        """
        connection = self._seats(code, people)
        connection.seats -= people
        trip = Trip(id=new_id("p", self.trips), code=code, people=people, price=round(connection.price * people, 2))
        self.trips.append(trip)
        return {"booking": trip.id, "price": trip.price}

    def book_hotel(self, hotel: str, check_in: Day, nights: Nights, rooms: People = 1) -> JsonValue:
        """Book rooms in a hotel.

        Args:
            hotel: Exact name of the hotel.
            check_in: Day of arrival, as YYYY-MM-DD.
            nights: How many nights.
            rooms: How many rooms.
        """
        found = self._hotel(hotel)
        if rooms > found.rooms:
            raise ToolError(f"{hotel!r} has only {found.rooms} free rooms.")
        found.rooms -= rooms
        price = round(found.price * nights * rooms, 2)
        stay = Stay(id=new_id("h", self.stays), hotel=hotel, check_in=check_in, nights=nights, rooms=rooms, price=price)
        self.stays.append(stay)
        return {"booking": stay.id, "price": price}

    def change_connection(self, booking_id: str, code: str) -> JsonValue:
        """Change a booked trip to another train or flight on the same route. Luggage is kept.

        Args:
            booking_id: Id of the booked trip, for example p2.
            code: Code of the new connection.
        """
        trip = self._trip(booking_id)
        if not trip.refundable:
            raise ToolError(f"The ticket of {booking_id} cannot be changed or refunded.")
        new = self._seats(code, trip.people)
        if (old := self.connections.get(trip.code)) is not None:
            if (old.origin, old.destination) != (new.origin, new.destination):
                raise ToolError(f"{code} goes from {new.origin} to {new.destination}, not on the booked route.")
            old.seats += trip.people
        new.seats -= trip.people
        trip.code, trip.price = code, round(new.price * trip.people + _LUGGAGE * trip.luggage, 2)
        return trip.model_dump()

    def change_stay(self, booking_id: str, check_in: Day, nights: Nights) -> JsonValue:
        """Change the days of a booked hotel.

        Args:
            booking_id: Id of the booked hotel, for example h2.
            check_in: The new day of arrival, as YYYY-MM-DD.
            nights: The new number of nights.
        """
        stay = self._stay(booking_id)
        stay.check_in, stay.nights = check_in, nights
        stay.price = round(self._hotel(stay.hotel).price * nights * stay.rooms, 2)
        return stay.model_dump()

    def add_luggage(self, booking_id: str, pieces: Annotated[int, Field(ge=1, le=3)]) -> JsonValue:
        """Add pieces of luggage to a booked flight, for 15 euros each. A trip can have at most 3. Trains need none.

        Args:
            booking_id: Id of the booked trip, for example p2.
            pieces: How many pieces to add.
        """
        trip = self._trip(booking_id)
        if trip.code in self.connections and self.connections[trip.code].kind == "train":
            raise ToolError(f"{booking_id} is a train. On a train, luggage is free and is not booked.")
        if trip.luggage + pieces > 3:
            raise ToolError(f"{booking_id} has {trip.luggage} pieces of luggage, and 3 is the most.")
        trip.luggage += pieces
        trip.price = round(trip.price + _LUGGAGE * pieces, 2)
        return trip.model_dump()

    def cancel_booking(self, booking_id: str) -> JsonValue:
        """Cancel a booked trip or hotel, and get the money back.

        Args:
            booking_id: Id of the booking, for example p2 or h1.
        """
        if any(one.id == booking_id for one in self.stays):
            stay = self._stay(booking_id)
            self._hotel(stay.hotel).rooms += stay.rooms
            self.stays.remove(stay)
            return {"refund": stay.price}
        trip = self._trip(booking_id)
        if not trip.refundable:
            raise ToolError(f"The ticket of {booking_id} cannot be changed or refunded.")
        if trip.code in self.connections:
            self.connections[trip.code].seats += trip.people
        self.trips.remove(trip)
        return {"refund": trip.price}

    def _seats(self, code: str, people: int) -> Connection:
        connection = self.connections.get(code)
        if connection is None:
            raise ToolError(f"There is no connection {code!r}.")
        if people > connection.seats:
            raise ToolError(
                f"{code} has only {connection.seats} free seats." if connection.seats else f"{code} is full."
            )
        return connection

    def _route(self, code: str) -> dict[str, JsonValue]:
        one = self.connections.get(code)
        return one.model_dump(include={"kind", "origin", "destination", "day", "departs", "arrives"}) if one else {}

    def _hotel(self, name: str) -> Hotel:
        if name not in self.hotels:
            raise ToolError(f"There is no hotel {name!r}. Use the exact name from search_hotels.")
        return self.hotels[name]

    def _trip(self, booking_id: str) -> Trip:
        return with_id(self.trips, booking_id, "booked trip")

    def _stay(self, booking_id: str) -> Stay:
        return with_id(self.stays, booking_id, "booked hotel")
