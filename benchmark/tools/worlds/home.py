"""A smart home: lights, heating, blinds, doors and plugs in rooms, and timers for them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from toolmark.benchmark.tools.effects import effects
from toolmark.benchmark.tools.worlds.world import Part, Record, ToolError, World, listed, new_id, with_id

__all__ = ["Home"]

Kind = Literal["light", "heating", "blind", "door", "plug"]
Percent = Annotated[int, Field(ge=0, le=100)]
Time = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class Device(Part):
    """A device.

    Attributes:
        level: The brightness of a light, or how far a blind is closed, in percent.
        celsius: The temperature that a heating is set to.
        shut: Whether a door is shut. Only a shut door can be locked.
        online: Whether the device can be reached.
    """

    room: str
    kind: Kind
    on: bool = False
    level: int = 100
    celsius: float | None = None
    locked: bool | None = None
    shut: bool = True
    online: bool = True


class Timer(Record):
    """A timer that switches a light or a plug every day. `at` is a time."""

    device: str
    at: str
    on: bool


class Home(World):
    """The devices of a home by name. A scene maps devices to whether they are on."""

    devices: dict[str, Device] = {}
    scenes: dict[str, dict[str, bool]] = {}
    timers: list[Timer] = []

    @effects("read")
    def list_devices(self, room: str | None = None, kind: Kind | None = None) -> JsonValue:
        """List devices with their names, rooms and kinds.

        Args:
            room: Only the devices of this room.
            kind: Only the devices of this kind.
        """
        return [
            {"device": name, "room": one.room, "kind": one.kind}
            for name, one in self.devices.items()
            if (room is None or one.room.casefold() == room.casefold()) and kind in (None, one.kind)
        ]

    @effects("read")
    def device_status(self, device: str) -> JsonValue:
        """Show how a device is set.

        Args:
            device: Exact name of the device.
        """
        one = self._device(device)
        fields: dict[Kind, set[str]] = {
            "light": {"on", "level"},
            "plug": {"on"},
            "heating": {"celsius"},
            "blind": {"level"},
            "door": {"locked", "shut"},
        }
        return {"device": device, **one.model_dump(include={"room", "kind", "online"} | fields[one.kind])}

    def switch(self, device: str, on: bool) -> str:
        """Switch a light or a plug on or off.

        Args:
            device: Exact name of the device.
            on: True for on, False for off.
        """
        self._reached(device, "light", "plug").on = on
        return f"{device} is {'on' if on else 'off'}"

    def set_brightness(self, device: str, percent: Percent) -> str:
        """Set the brightness of a light. The light must be on.

        Args:
            device: Exact name of the light.
            percent: 0 is dark, 100 is as bright as possible.
        """
        one = self._reached(device, "light")
        if not one.on:
            raise ToolError(f"{device!r} is off. Switch it on before you set its brightness.")
        one.level = percent
        return f"{device} has a brightness of {percent}%"

    def set_temperature(self, device: str, celsius: Annotated[float, Field(ge=5, le=30)]) -> str:
        """Set the temperature of a heating.

        Args:
            device: Exact name of the heating.
            celsius: Degrees Celsius.
        """
        self._reached(device, "heating").celsius = celsius
        return f"{device} is set to {celsius:g} °C"

    def set_blind(self, device: str, percent: Percent) -> str:
        """Open or close a blind.

        Args:
            device: Exact name of the blind.
            percent: How far it is closed: 0 is open, 100 is closed.
        """
        self._reached(device, "blind").level = percent
        return f"{device} is {percent}% closed"

    def set_locked(self, device: str, locked: bool) -> str:
        """Lock or unlock a door. A door that is not shut cannot be locked.

        Args:
            device: Exact name of the door.
            locked: True to lock the door, False to unlock it.
        """
        door = self._reached(device, "door")
        if locked and not door.shut:
            raise ToolError(f"{device!r} is not shut, so it cannot be locked.")
        door.locked = locked
        return f"{device} is {'locked' if locked else 'unlocked'}"

    @effects("read")
    def list_scenes(self) -> JsonValue:
        """List the scenes, with the devices that each scene switches on or off."""
        return {name: dict(devices) for name, devices in self.scenes.items()}

    def start_scene(self, scene: str) -> str:
        """Switch all devices of a scene.

        Args:
            scene: Name of the scene.
        """
        if scene not in self.scenes:
            raise ToolError(f"There is no scene {scene!r}. The scenes are: {listed(self.scenes)}.")
        for device, on in self.scenes[scene].items():
            self._reached(device, "light", "plug").on = on
        return f"started {scene}"

    @effects("read")
    def list_timers(self) -> JsonValue:
        """List the timers with their ids, devices and times."""
        return [one.model_dump() for one in self.timers]

    def set_timer(self, device: str, at: Time, on: bool) -> JsonValue:
        """Switch a light or a plug on or off at a time of every day.

        Args:
            device: Exact name of the device.
            at: The time, as HH:MM.
            on: True to switch it on, False to switch it off.
        """
        self._reached(device, "light", "plug")
        if any((one.device, one.at) == (device, at) for one in self.timers):
            raise ToolError(f"{device!r} already has a timer at {at}.")
        timer = Timer(id=new_id("w", self.timers), device=device, at=at, on=on)
        self.timers.append(timer)
        return timer.model_dump()

    def delete_timer(self, timer_id: str) -> str:
        """Delete a timer.

        Args:
            timer_id: Id of the timer, for example w2.
        """
        timer = with_id(self.timers, timer_id, "timer")
        self.timers.remove(timer)
        return f"deleted the timer of {timer.device} at {timer.at}"

    def _device(self, name: str) -> Device:
        if name not in self.devices:
            raise ToolError(f"There is no device {name!r}. Use the exact name from list_devices.")
        return self.devices[name]

    def _reached(self, name: str, *kinds: Kind) -> Device:
        device = self._device(name)
        if device.kind not in kinds:
            raise ToolError(f"{name!r} is a {device.kind}, not a {' or '.join(kinds)}.")
        if not device.online:
            raise ToolError(f"{name!r} cannot be reached. It is offline.")
        return device
