"""Random conversations in the world `shop`."""

from __future__ import annotations

from typing import Any

from toolmark.generators.template.worlds.choices import Choices
from toolmark.generators.template.worlds.draft import Draft, Unsuitable
from toolmark.generators.template.worlds.world_tasks import WorldTasks

__all__ = ["SHOP"]


def _state(choices: Choices) -> dict[str, Any]:
    rng = choices.rng
    products = {
        name: {
            "price": choices.euros(3, 60),
            "stock": rng.choice((0, 1, 2, 3, 5, 8, 20)),
            "category": choices.name("categories"),
            "rating": rng.randint(20, 50) / 10,
        }
        for name in choices.names("products", 5)
    }
    addresses = {
        name: f"{choices.name('places')}, {rng.randint(1, 99)} Mill Lane" for name in choices.names("addresses", 2)
    }
    first = rng.randint(1, 50)
    statuses = ["placed", "delivered", rng.choice(("placed", "shipped", "delivered"))]
    orders = [
        {
            "id": f"o{first + index}",
            "items": {name: rng.randint(1, 2)},
            "total": choices.euros(10, 120),
            "address": rng.choice(list(addresses)),
            "status": status,
        }
        for index, (name, status) in enumerate(zip(rng.sample(list(products), 3), statuses, strict=True))
    ]
    vouchers = {
        name: {"percent": int(name.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))} for name in choices.names("vouchers", 1)
    }
    return {"products": products, "addresses": addresses, "vouchers": vouchers, "orders": orders}


def _product(draft: Draft, least: int = 1) -> tuple[str, dict[str, Any]]:
    """Draw a product, of which at least `least` are in stock and not in the cart."""
    cart = draft.state["cart"]
    found: tuple[str, dict[str, Any]] = draft.pick(
        draft.state["products"].items(), lambda one: one[1]["stock"] - cart.get(one[0], 0) >= least
    )
    return found


def _price(draft: Draft) -> None:
    name, product = draft.pick(draft.state["products"].items())
    draft.ask(
        "What does the {name} cost?",
        "How much is the {name}?",
        "What is the price of the {name}?",
        "Can you tell me how much you want for the {name}?",
        name=name,
    )
    draft.call("search_products", text=name)
    draft.answer(
        "The {name} costs {price} euros.", "{price} euros.", say=[[product["price"]]], name=name, price=product["price"]
    )


def _stock(draft: Draft) -> None:
    name, product = draft.pick(draft.state["products"].items(), lambda one: one[1]["stock"] > 0)
    draft.ask(
        "How many of the {name} are left?",
        "How many pieces of the {name} are in stock?",
        "What is the stock of the {name}?",
        "Do you still have the {name}, and how many?",
        name=name,
    )
    draft.call("search_products", text=name)
    draft.answer("{stock} are in stock.", "There are {stock} left.", say=[[product["stock"]]], stock=product["stock"])


def _add(draft: Draft) -> None:
    count = draft.choices.rng.randint(2, 4)
    name, _ = _product(draft, count)
    draft.order(
        "put {count} of the {name} into my cart",
        "add {count} of the {name} to the cart",
        "place {count} pieces of the {name} in the cart",
        "take {count} of the {name} into the cart",
        name=name,
        count=count,
    )
    draft.call("add_to_cart", product=name, count=count)
    draft.answer("{count} of the {name} went into the cart.", name=name, count=count)


def _sold_out(draft: Draft) -> None:
    name, _ = draft.pick(draft.state["products"].items(), lambda one: one[1]["stock"] == 0)
    other, _ = _product(draft)
    draft.order(
        "put one {name} into the cart, or one {other} if it is sold out",
        "add one {name} to my cart. If there is none, take one {other}",
        "place one {name} in the cart, otherwise one {other}",
        "take one {name}, and if you have none, one {other}, into the cart",
        name=name,
        other=other,
    )
    draft.call("add_to_cart", product=name, count=1, fails=True)
    draft.call("add_to_cart", product=other, count=1)
    draft.answer("The {name} is sold out, so I put one {other} into the cart.", say=[[other]], name=name, other=other)


def _too_many(draft: Draft) -> None:
    name, product = draft.pick(draft.state["products"].items(), lambda one: 0 < one[1]["stock"] < 9)
    if name in draft.state["cart"]:
        raise Unsuitable
    about = {"name": name, "count": product["stock"] + draft.choices.rng.randint(1, 9), "stock": product["stock"]}
    draft.order(
        "put {count} of the {name} into the cart",
        "add {count} of the {name} to my cart",
        "place {count} pieces of the {name} in the cart",
        "take {count} of the {name} into the cart",
        **about,
    )
    draft.call("add_to_cart", product=name, count=about["count"], fails=True)
    draft.answer("Only {stock} of the {name} are in stock. Should I take those?", say=[[product["stock"]]], **about)
    draft.ask("Yes, take all of them.", "Yes please.", "Then those.", "All right, put what you have into the cart.")
    draft.call("add_to_cart", product=name, count=product["stock"])
    draft.answer("{stock} of the {name} are in the cart.", **about)


def _order(draft: Draft) -> None:
    name, _ = _product(draft)
    address = draft.pick(draft.state["addresses"])
    draft.order(
        "order one {name} to {address}",
        "buy one {name} and send it to the address {address}",
        "get me one {name}, delivered to {address}",
        "have one {name} sent to {address}",
        name=name,
        address=address,
    )
    if draft.state["cart"]:
        raise Unsuitable
    draft.call("add_to_cart", product=name, count=1)
    made = draft.call("place_order", address=address)
    draft.answer(
        "The {name} is ordered to {address}. The total is {total} euros.",
        say=[[made["total"]]],
        name=name,
        address=address,
        total=made["total"],
    )


def _order_without_address(draft: Draft) -> None:
    name, _ = _product(draft)
    address = draft.pick(draft.state["addresses"])
    voucher = draft.pick(draft.state["vouchers"], lambda one: not draft.state["vouchers"][one]["used"])
    if draft.state["cart"]:
        raise Unsuitable
    about = {"name": name, "address": address, "voucher": voucher}
    draft.order(
        "order one {name} with the voucher {voucher}",
        "buy one {name}, and use my voucher {voucher}",
        "get me one {name} for the voucher {voucher}",
        "have one {name} sent, with the voucher {voucher}",
        **about,
    )
    draft.decline("missing_argument", "To which address?", "Where should it go?", tool="place_order", missing="address")
    draft.ask("To {address}.", "{address}.", "To the address {address}, please.", "Send it to {address}.", **about)
    draft.call("add_to_cart", product=name, count=1)
    made = draft.call("place_order", address=address, voucher=voucher)
    draft.answer(
        "The {name} is ordered to {address} for {total} euros.", say=[[made["total"]]], total=made["total"], **about
    )


def _item(order: dict[str, Any]) -> str:
    return str(next(iter(order["items"])))


def _cancel(draft: Draft) -> None:
    order = draft.pick(
        draft.state["orders"], lambda one: one["status"] in ("placed", "shipped") and len(one["items"]) == 1
    )
    same = [one for one in draft.state["orders"] if _item(one) == _item(order)]
    if len(same) > 1:
        raise Unsuitable
    about = {"name": _item(order), "id": order["id"]}
    draft.order(
        "cancel my order of the {name}",
        "stop the order with the {name}",
        "cancel the order of the {name}",
        "call off what I ordered, the {name}",
        **about,
    )
    draft.call("list_orders")
    if order["status"] == "placed":
        draft.call("cancel_order", order_id=order["id"])
        draft.answer("The order {id} of the {name} is cancelled.", **about)
    else:
        draft.call("cancel_order", order_id=order["id"], fails=True)
        draft.answer("The order {id} has been shipped, so it cannot be cancelled.", say=[["shipped"]], **about)


def _return(draft: Draft) -> None:
    order = draft.pick(draft.state["orders"], lambda one: one["status"] == "delivered")
    about = {"id": order["id"], "reason": draft.choices.name("reasons")}
    draft.order(
        "send back the order {id}, because {reason}",
        "return {id}. The reason: {reason}",
        "ask for a return of the order {id}, since {reason}",
        "start a return for {id}, as {reason}",
        **about,
    )
    draft.call("request_return", order_id=order["id"], reason=about["reason"])
    draft.answer("The return of {id} is requested.", **about)


def _where_to(draft: Draft) -> None:
    order = draft.pick(draft.state["orders"], lambda one: one["status"] == "placed")
    address = draft.pick(draft.state["addresses"], lambda one: one != order["address"])
    about = {"id": order["id"], "now": order["address"], "address": address}
    draft.ask(
        "Where does the order {id} go?",
        "To which address is {id} sent?",
        "What address did I give for {id}?",
        "Which of my addresses gets the order {id}?",
        **about,
    )
    draft.call("list_orders")
    draft.answer("{id} goes to {now}.", "To {now}.", say=[[order["address"]]], **about)
    draft.ask(
        "Send it to {address} instead.",
        "Change that to {address}.",
        "It should go to {address}.",
        "Make that {address}.",
        **about,
    )
    draft.call("change_order_address", order_id=order["id"], address=address)
    draft.answer("{id} now goes to {address}.", **about)


def _cart(draft: Draft) -> None:
    cart = draft.state["cart"]
    if not cart:
        raise Unsuitable
    draft.ask(
        "What is in my cart?", "Show me the cart.", "What do I have in the cart?", "Which things are in my cart now?"
    )
    shown = draft.call("view_cart")
    draft.answer(
        "Your cart has {names}, for {goods} euros.",
        say=[[name] for name in cart],
        names=list(cart),
        goods=shown["goods"],
    )


SHOP = WorldTasks(
    name="shop",
    state=_state,
    tasks=(
        *(_price, _stock, _add, _sold_out, _too_many, _order, _order_without_address, _cancel, _return, _where_to),
        _cart,
    ),
    beyond=(
        ("Call the driver who brings my parcel.", "I cannot call the driver."),
        ("Write a review with five stars.", "I have no tool for reviews."),
        ("Wrap it as a gift.", "I cannot wrap gifts."),
        ("Pay in twelve instalments.", "I have no tool for instalments."),
        ("Tell me the opening hours in town.", "I do not know the opening hours, and have no tool for them."),
        ("Send me the catalogue on paper.", "I cannot send a catalogue."),
        ("Repair the one I bought.", "I have no tool for repairs."),
        ("Reserve a fitting room.", "I cannot reserve rooms."),
    ),
)
