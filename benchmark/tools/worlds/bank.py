"""A bank: accounts, transfers, bills and cards of one customer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from toolmark.benchmark.tools.effects import effects
from toolmark.benchmark.tools.worlds.world import Part, Record, ToolError, World, listed, new_id, with_id

__all__ = ["Bank"]

Amount = Annotated[float, Field(gt=0)]


class Account(Part):
    """An account of the customer. `limit` is the largest amount of one transfer from this account."""

    balance: float
    limit: float = 5000.0
    frozen: bool = False


class Payee(Part):
    """Somebody to whom the customer sends money."""

    iban: str


class Bill(Record):
    """A bill that waits to be paid."""

    payee: str
    amount: float
    due: str
    paid: bool = False


class Card(Part):
    """A payment card. `last_four` are the last digits of its number."""

    last_four: str
    account: str
    blocked: bool = False
    daily_limit: float = 1000.0


class Transfer(Record):
    """A transfer that was made. `to` is an account of the customer or the name of a payee."""

    source: str
    to: str
    amount: float
    note: str = ""


class Bank(World):
    """The accounts of one customer. `accounts` and `payees` are stored by name, `cards` by kind."""

    accounts: dict[str, Account] = {}
    payees: dict[str, Payee] = {}
    bills: list[Bill] = []
    cards: dict[str, Card] = {}
    transfers: list[Transfer] = []

    @effects("read")
    def list_accounts(self) -> JsonValue:
        """List all accounts with their balances, their limits, and whether they are frozen."""
        return [{"name": name, **account.model_dump()} for name, account in self.accounts.items()]

    @effects("read")
    def list_transfers(self, account: str) -> JsonValue:
        """List the transfers from and to one account, the oldest first.

        Args:
            account: Name of the account.
        """
        self._account(account)
        return [one.model_dump() for one in self.transfers if account in (one.source, one.to)]

    def transfer(self, from_account: str, to: str, amount: Amount, note: str = "") -> JsonValue:
        """Send money from an account to another account of the customer, or to a saved payee.

        Args:
            from_account: Name of the account that pays.
            to: Name of an account of the customer, or name of a saved payee.
            amount: Amount in euros.
            note: Text for the recipient.
        """
        account = self._account(from_account)
        if to not in self.accounts and to not in self.payees:
            raise ToolError(f"There is no account and no payee {to!r}. The payees are: {listed(self.payees)}.")
        if to == from_account:
            raise ToolError(f"The account {to!r} cannot send money to itself.")
        if to in self.accounts and self.accounts[to].frozen:
            raise ToolError(f"The account {to!r} is frozen.")
        self._take(from_account, account, amount)
        if to in self.accounts:
            self.accounts[to].balance = round(self.accounts[to].balance + amount, 2)
        made = self._record(from_account, to, amount, note)
        return {"transfer": made.id, "amount": made.amount, "balance": account.balance}

    def add_payee(self, name: str, iban: Annotated[str, Field(pattern=r"^[A-Z]{2}[0-9]{2}[A-Z0-9]{8,30}$")]) -> str:
        """Save a payee, so that money can be sent to this payee.

        Args:
            name: Name of the payee.
            iban: The payee's IBAN, without blanks.
        """
        if name in self.payees or name in self.accounts:
            raise ToolError(f"The name {name!r} is already used.")
        self.payees[name] = Payee(iban=iban)
        return f"saved the payee {name}"

    @effects("read")
    def list_payees(self) -> JsonValue:
        """List the saved payees with their IBANs."""
        return [{"name": name, "iban": payee.iban} for name, payee in self.payees.items()]

    @effects("read")
    def list_bills(self, status: Literal["open", "paid", "all"] = "open") -> JsonValue:
        """List the bills with their ids, payees, amounts and due dates.

        Args:
            status: Which bills to list.
        """
        return [one.model_dump() for one in self.bills if status == "all" or one.paid == (status == "paid")]

    def pay_bill(self, bill_id: str, from_account: str) -> JsonValue:
        """Pay a whole bill from an account.

        Args:
            bill_id: Id of the bill, for example b3.
            from_account: Name of the account that pays.
        """
        bill = with_id(self.bills, bill_id, "bill")
        if bill.paid:
            raise ToolError(f"The bill {bill_id} is already paid.")
        account = self._account(from_account)
        self._take(from_account, account, bill.amount)
        bill.paid = True
        made = self._record(from_account, bill.payee, bill.amount, f"bill {bill.id}")
        return {"transfer": made.id, "amount": made.amount, "balance": account.balance}

    @effects("read")
    def list_cards(self) -> JsonValue:
        """List the payment cards with their kind, last four digits, account, daily limit, and whether they are
        blocked.
        """
        return [{"kind": kind, **card.model_dump()} for kind, card in self.cards.items()]

    def set_card_blocked(self, kind: str, blocked: bool) -> str:
        """Block a payment card, or unblock it.

        Args:
            kind: Kind of the card, for example debit.
            blocked: True to block the card, False to unblock it.
        """
        card = self._card(kind)
        if card.blocked == blocked:
            raise ToolError(f"The card {kind!r} is already {'blocked' if blocked else 'unblocked'}.")
        card.blocked = blocked
        return f"{kind} card {'blocked' if blocked else 'unblocked'}"

    def set_card_limit(self, kind: str, daily_limit: Annotated[float, Field(ge=0, le=10_000)]) -> str:
        """Set how much a payment card can spend in a day. A blocked card cannot be changed.

        Args:
            kind: Kind of the card, for example debit.
            daily_limit: The new limit in euros.
        """
        card = self._card(kind)
        if card.blocked:
            raise ToolError(f"The card {kind!r} is blocked. Unblock it before you change its limit.")
        card.daily_limit = daily_limit
        return f"the daily limit of the {kind} card is {daily_limit:.2f}"

    def set_account_frozen(self, account: str, frozen: bool) -> str:
        """Freeze an account, so that no money leaves or reaches it, or unfreeze it.

        Args:
            account: Name of the account.
            frozen: True to freeze the account, False to unfreeze it.
        """
        found = self._account(account)
        if found.frozen == frozen:
            raise ToolError(f"The account {account!r} is already {'frozen' if frozen else 'not frozen'}.")
        found.frozen = frozen
        return f"{account} {'frozen' if frozen else 'unfrozen'}"

    def _account(self, name: str) -> Account:
        if name not in self.accounts:
            raise ToolError(f"There is no account {name!r}. The accounts are: {listed(self.accounts)}.")
        return self.accounts[name]

    def _card(self, kind: str) -> Card:
        if kind not in self.cards:
            raise ToolError(f"There is no card {kind!r}. The cards are: {listed(self.cards)}.")
        return self.cards[kind]

    def _take(self, name: str, account: Account, amount: float) -> None:
        if account.frozen:
            raise ToolError(f"The account {name!r} is frozen.")
        if amount > account.limit:
            raise ToolError(f"The limit of one payment from {name!r} is {account.limit:.2f}.")
        if amount > account.balance:
            raise ToolError(f"The balance of {name!r} is only {account.balance:.2f}.")
        account.balance = round(account.balance - amount, 2)

    def _record(self, source: str, to: str, amount: float, note: str) -> Transfer:
        made = Transfer(id=new_id("t", self.transfers), source=source, to=to, amount=amount, note=note)
        self.transfers.append(made)
        return made
