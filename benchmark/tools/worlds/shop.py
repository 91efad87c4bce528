"""A shop: products, a cart, and the orders of one customer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from toolmark.benchmark.tools.effects import effects
from toolmark.benchmark.tools.worlds.world import Part, Record, ToolError, World, listed, new_id, with_id

__all__ = ["Shop"]

Count = Annotated[int, Field(ge=1, le=99)]
_SHIPPING = 4.9
_FREE_FROM = 50.0


class Product(Part):
    """A product. `rating` is from 1 to 5."""

    price: float
    stock: int
    category: str
    rating: float


class Voucher(Part):
    """A voucher that takes `percent` off an order of at least `minimum` euros. It can be used once."""

    percent: int
    minimum: float = 0
    used: bool = False


class Order(Record):
    """An order. `items` maps products to counts, `total` includes shipping."""

    items: dict[str, int]
    total: float
    address: str
    status: Literal["placed", "shipped", "delivered", "cancelled", "return requested"] = "placed"
    reason: str = ""


class Shop(World):
    """The shop as one customer sees it. Products, vouchers and addresses are stored by name."""

    products: dict[str, Product] = {}
    cart: dict[str, int] = {}
    addresses: dict[str, str] = {}
    vouchers: dict[str, Voucher] = {}
    orders: list[Order] = []

    @effects("read")
    def search_products(self, text: str = "", max_price: float | None = None) -> JsonValue:
        """Find products by a word in their name or category, the cheapest first.

        Args:
            text: The word. Leave it out to see all products.
            max_price: Highest price in euros.
        """
        wanted = text.casefold()
        return [
            {"product": name, **product.model_dump()}
            for name, product in sorted(self.products.items(), key=lambda pair: pair[1].price)
            if (wanted in name.casefold() or wanted in product.category.casefold())
            and (max_price is None or product.price <= max_price)
        ]

    @effects("read")
    def view_cart(self) -> JsonValue:
        """Show the cart, with the price of the goods and the cost of shipping."""
        goods = self._goods()
        return {"items": dict(self.cart), "goods": goods, "shipping": _shipping(goods) if self.cart else 0}

    def add_to_cart(self, product: str, count: Count = 1) -> str:
        """Put a product into the cart. It is not ordered yet.

        Args:
            product: Exact name of the product.
            count: How many to add.
        """
        wanted = self.cart.get(product, 0) + count
        left = self._product(product).stock
        if wanted > left:
            raise ToolError(f"Only {left} of {product!r} are in stock." if left else f"{product!r} is sold out.")
        self.cart[product] = wanted
        return f"{wanted} of {product} in the cart"

    def remove_from_cart(self, product: str, count: Count | None = None) -> str:
        """Take a product out of the cart.

        Args:
            product: Exact name of the product.
            count: How many to take out. Leave it out to take out all.
        """
        if product not in self.cart:
            raise ToolError(f"{product!r} is not in the cart. The cart holds: {listed(self.cart)}.")
        if count is not None and count > self.cart[product]:
            raise ToolError(f"Only {self.cart[product]} of {product!r} are in the cart.")
        left = self.cart.pop(product)
        left -= left if count is None else count
        if left:
            self.cart[product] = left
        return f"{left} of {product} in the cart"

    def place_order(self, address: str, voucher: str | None = None) -> JsonValue:
        """Order everything that is in the cart. The cart is empty afterwards.

        Args:
            address: Name of a saved address, for example home.
            voucher: Code of a voucher.
        """
        if not self.cart:
            raise ToolError("The cart is empty.")
        self._check_address(address)
        goods = self._goods()
        if voucher is not None:
            goods = self._reduced(goods, voucher)
        for product, count in self.cart.items():
            self.products[product].stock -= count
        total = round(goods + _shipping(goods), 2)
        order = Order(id=new_id("o", self.orders), items=dict(sorted(self.cart.items())), total=total, address=address)
        self.orders.append(order)
        self.cart = {}
        return {"order": order.id, "total": total}

    @effects("read")
    def list_orders(self) -> JsonValue:
        """List all orders with their items, totals, addresses and statuses."""
        return [one.model_dump(exclude={"reason"}) for one in self.orders]

    def cancel_order(self, order_id: str) -> str:
        """Cancel an order that has not been shipped. The goods go back into stock.

        Args:
            order_id: Id of the order, for example o7.
        """
        order = self._order(order_id, "placed", "cancelled")
        order.status = "cancelled"
        for product, count in order.items.items():
            if product in self.products:
                self.products[product].stock += count
        return f"cancelled {order_id}"

    def request_return(self, order_id: str, reason: str) -> str:
        """Ask to send back an order that has been delivered.

        Args:
            order_id: Id of the order, for example o7.
            reason: Why the order is sent back.
        """
        order = self._order(order_id, "delivered", "sent back")
        order.status, order.reason = "return requested", reason
        return f"return of {order_id} requested"

    def change_order_address(self, order_id: str, address: str) -> str:
        """Change where an order goes that has not been shipped.

        Args:
            order_id: Id of the order, for example o7.
            address: Name of a saved address, for example home.
        """
        order = self._order(order_id, "placed", "sent elsewhere")
        self._check_address(address)
        order.address = address
        return f"{order_id} goes to {address}"

    @effects("read")
    def list_addresses(self) -> JsonValue:
        """List the saved addresses with their names."""
        return dict(self.addresses)

    def save_address(self, name: str, address: str) -> str:
        """Save an address under a new name.

        Args:
            name: Short name, for example office.
            address: Street, number, postcode and town.
        """
        if name in self.addresses:
            raise ToolError(f"There is already an address {name!r}.")
        self.addresses[name] = address
        return f"saved the address {name}"

    def _product(self, name: str) -> Product:
        if name not in self.products:
            raise ToolError(f"There is no product {name!r}. Use the exact name from search_products.")
        return self.products[name]

    def _order(self, order_id: str, status: str, what: str) -> Order:
        order = with_id(self.orders, order_id, "order")
        if order.status != status:
            raise ToolError(f"The order {order_id} cannot be {what}: its status is {order.status!r}, not {status!r}.")
        return order

    def _check_address(self, name: str) -> None:
        if name not in self.addresses:
            raise ToolError(f"There is no address {name!r}. The addresses are: {listed(self.addresses)}.")

    def _goods(self) -> float:
        return round(sum(self.products[name].price * count for name, count in self.cart.items()), 2)

    def _reduced(self, goods: float, code: str) -> float:
        voucher = self.vouchers.get(code)
        if voucher is None or voucher.used:
            raise ToolError(f"The voucher {code!r} {'was already used' if voucher else 'does not exist'}.")
        if goods < voucher.minimum:
            raise ToolError(f"The voucher {code!r} needs goods for at least {voucher.minimum:.2f}, not {goods:.2f}.")
        voucher.used = True
        return round(goods * (100 - voucher.percent) / 100, 2)


def _shipping(goods: float) -> float:
    return 0 if goods >= _FREE_FROM else _SHIPPING
