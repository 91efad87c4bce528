"""Random conversations in the world `bank`."""

from __future__ import annotations

from typing import Any

from toolmark.generators.template.worlds.choices import Choices
from toolmark.generators.template.worlds.draft import Draft, Unsuitable
from toolmark.generators.template.worlds.world_tasks import WorldTasks

__all__ = ["BANK"]


def _state(choices: Choices) -> dict[str, Any]:
    rng = choices.rng
    accounts = {
        name: {"balance": choices.euros(200, 6000), "limit": float(rng.choice((800, 1500, 3000, 5000)))}
        for name in choices.names("accounts", 3)
    }
    payees = [*choices.names("firms", 2), *choices.people(2)]
    billers, first = choices.names("firms", 3), rng.randint(1, 30)
    return {
        "accounts": accounts,
        "payees": {name: {"iban": f"NL{choices.digits(2)}BANK{choices.digits(10)}"} for name in payees},
        "bills": [
            {
                "id": f"b{first + index}",
                "payee": payee,
                "amount": choices.euros(15, 900),
                "due": choices.day().isoformat(),
                "paid": index == 2 and choices.chance(0.5),
            }
            for index, payee in enumerate(billers)
        ],
        "cards": {
            kind: {
                "last_four": choices.digits(4),
                "account": rng.choice(list(accounts)),
                "blocked": choices.chance(0.3),
                "daily_limit": float(100 * rng.randint(2, 20)),
            }
            for kind in choices.names("cards", 2)
        },
        "transfers": [
            {
                "id": f"t{number}",
                "source": rng.choice(list(accounts)),
                "to": rng.choice(payees),
                "amount": choices.euros(10, 400),
            }
            for number in range(1, rng.randint(2, 4))
        ],
    }


def _pay_a_bill(draft: Draft) -> None:
    bill = draft.pick(draft.state["bills"], lambda one: not one["paid"])
    account = draft.pick(draft.state["accounts"])
    about = {"payee": bill["payee"], "account": account}
    draft.order(
        "pay the {payee} bill from {account}",
        "settle what I owe {payee}, from the account {account}",
        "pay what {payee} wants from me. Take it from {account}",
        "get the bill of {payee} paid with money from {account}",
        "use {account} to pay the open bill of {payee}",
        **about,
    )
    draft.call("list_bills")
    draft.call("pay_bill", bill_id=bill["id"], from_account=account)
    draft.answer("The bill of {payee} over {amount} euros is paid from {account}.", amount=bill["amount"], **about)


def _pay_without_account(draft: Draft) -> None:
    bill = draft.pick(draft.state["bills"], lambda one: not one["paid"])
    account = draft.pick(draft.state["accounts"])
    draft.order(
        "pay the bill of {payee}",
        "settle my {payee} bill",
        "pay what I owe {payee}",
        "clear the open {payee} bill",
        payee=bill["payee"],
    )
    draft.decline(
        "missing_argument",
        "From which account should I pay it?",
        "Which account should pay the bill of {payee}?",
        tool="pay_bill",
        missing="from_account",
        payee=bill["payee"],
    )
    draft.ask("From {account}.", "Use {account}.", "{account}, please.", "Take it from {account}.", account=account)
    draft.call("list_bills")
    draft.call("pay_bill", bill_id=bill["id"], from_account=account)
    draft.answer(
        "I paid {amount} euros to {payee} from {account}.", amount=bill["amount"], payee=bill["payee"], account=account
    )


def _transfer(draft: Draft) -> None:
    source = draft.pick(draft.state["accounts"])
    to = draft.pick([*draft.state["accounts"], *draft.state["payees"]], lambda name: name != source)
    about = {"source": source, "to": to, "amount": draft.choices.euros(5, 300)}
    draft.order(
        "send {amount} euros from {source} to {to}",
        "transfer {amount} euros to {to} from {source}",
        "move {amount} euros out of {source} to {to}",
        "let {to} have {amount} euros from {source}",
        "take {amount} euros from {source} and send them to {to}",
        **about,
    )
    done = draft.call("transfer", from_account=source, to=to, amount=about["amount"])
    draft.answer(
        "I sent {amount} euros from {source} to {to}. {source} now has {balance} euros.",
        "{amount} euros went to {to}. The balance of {source} is {balance} euros.",
        balance=done["balance"],
        **about,
    )


def _transfer_without_amount(draft: Draft) -> None:
    source = draft.pick(draft.state["accounts"])
    about = {"source": source, "to": draft.pick(draft.state["payees"]), "amount": draft.choices.euros(5, 150)}
    draft.order(
        "send some money to {to} from {source}",
        "transfer money from {source} to {to}",
        "send {to} the money we talked about, from {source}",
        "let {to} have something from {source}",
        **about,
    )
    draft.decline(
        "missing_argument",
        "How much should I send to {to}?",
        "What amount?",
        tool="transfer",
        missing="amount",
        **about,
    )
    draft.ask("{amount} euros.", "Make it {amount} euros.", "Let's say {amount}.", "{amount}, please.", **about)
    draft.call("transfer", from_account=source, to=about["to"], amount=about["amount"])
    draft.answer("I sent {amount} euros to {to} from {source}.", **about)


def _too_much(draft: Draft) -> None:
    source, other = (draft.pick(draft.state["accounts"]) for _ in range(2))
    to = draft.pick(draft.state["payees"])
    about = {"source": source, "other": other, "to": to, "amount": draft.choices.euros(100, 1400)}
    if source == other:
        raise Unsuitable
    draft.order(
        "send {amount} euros from {source} to {to}. If that fails, take them from {other}",
        "transfer {amount} euros to {to} from {source}, or from {other} if {source} cannot pay",
        "pay {to} {amount} euros, from {source} if possible, otherwise from {other}",
        "try to send {to} {amount} euros from {source}, and use {other} if it does not work",
        **about,
    )
    draft.call("transfer", from_account=source, to=to, amount=about["amount"], fails=True)
    draft.call("transfer", from_account=other, to=to, amount=about["amount"])
    draft.answer("{source} could not pay, so I sent the {amount} euros to {to} from {other}.", say=[[other]], **about)


def _overdraft(draft: Draft) -> None:
    source, found = draft.pick(draft.state["accounts"].items(), lambda one: one[1]["balance"] < one[1]["limit"])
    about = {"source": source, "to": draft.pick(draft.state["payees"]), "balance": found["balance"]}
    amount = float(int(found["balance"]) + draft.choices.rng.randint(1, 50))
    draft.order(
        "send {to} {amount} euros from {source}",
        "transfer {amount} euros from {source} to {to}",
        "pay {amount} euros from {source} to {to}",
        "move {amount} euros from {source} over to {to}",
        amount=amount,
        **about,
    )
    draft.call("transfer", from_account=source, to=about["to"], amount=amount, fails=True)
    draft.answer(
        "That did not work: the balance of {source} is only {balance} euros.", say=[[found["balance"]]], **about
    )


def _balance(draft: Draft) -> None:
    name, account = draft.pick(draft.state["accounts"].items())
    draft.ask(
        "How much money is in {name}?",
        "What is the balance of {name}?",
        "How much do I have in my account {name}?",
        "Tell me how full {name} is.",
        "What's left in {name}?",
        name=name,
    )
    draft.call("list_accounts")
    draft.answer(
        "{name} has {balance} euros.",
        "The balance of {name} is {balance} euros.",
        say=[[account["balance"]]],
        name=name,
        balance=account["balance"],
    )


def _bill_amount(draft: Draft) -> None:
    bill = draft.pick(draft.state["bills"], lambda one: not one["paid"])
    about = {"payee": bill["payee"], "amount": bill["amount"], "due": bill["due"]}
    draft.ask(
        "How much does {payee} want, and by when?",
        "What do I owe {payee}, and when is it due?",
        "What is the amount of the {payee} bill, and its due date?",
        "When must I pay {payee}, and how much?",
        **about,
    )
    draft.call("list_bills")
    draft.answer(
        "{payee} gets {amount} euros by {due}.",
        "It is {amount} euros, due on {due}.",
        say=[[bill["amount"]], [bill["due"]]],
        **about,
    )


def _card(draft: Draft) -> None:
    kind, card = draft.pick(draft.state["cards"].items())
    blocked = not card["blocked"]
    what = "block" if blocked else "unblock"
    draft.order(
        f"{what} my {{kind}} card",
        f"{what} the {{kind}} card",
        f"{what} the card that is called {{kind}}",
        f"{what} the {{kind}} card right away",
        kind=kind,
    )
    draft.call("set_card_blocked", kind=kind, blocked=blocked)
    draft.answer(f"The {{kind}} card is {what}ed.", f"I {what}ed your {{kind}} card.", kind=kind)


def _card_limit(draft: Draft) -> None:
    kind, card = draft.pick(draft.state["cards"].items())
    limit = float(50 * draft.choices.rng.randint(2, 60))
    about = {"kind": kind, "limit": limit}
    draft.order(
        "set the daily limit of my {kind} card to {limit} euros",
        "allow {limit} euros a day on the {kind} card",
        "change the limit of the {kind} card to {limit} euros a day",
        "make {limit} euros the daily limit of the {kind} card",
        **about,
    )
    if card["blocked"]:
        draft.call("set_card_limit", kind=kind, daily_limit=limit, fails=True)
        draft.answer(
            "The {kind} card is blocked, so its limit cannot be changed. Shall I unblock it?",
            say=[["blocked"]],
            **about,
        )
        draft.ask("Yes, unblock it and try again.", "Yes.", "Yes, do that first.", "Go ahead.", "Yes please, both.")
        draft.call("set_card_blocked", kind=kind, blocked=False)
    draft.call("set_card_limit", kind=kind, daily_limit=limit)
    draft.answer("The {kind} card can now spend {limit} euros a day.", **about)


def _new_payee(draft: Draft) -> None:
    name = draft.choices.person()
    account = draft.pick(draft.state["accounts"])
    about = {"name": name, "iban": f"AT{draft.choices.digits(18)}", "account": account}
    draft.order(
        "save {name} as a payee. The IBAN is {iban}",
        "add the payee {name} with the IBAN {iban}",
        "store the IBAN {iban} for {name}",
        "make {name} a payee, IBAN {iban}",
        **about,
    )
    draft.call("add_payee", name=name, iban=about["iban"])
    draft.answer("I saved {name} as a payee.", **about)
    amount = draft.choices.euros(5, 120)
    draft.ask(
        "Now send {amount} euros there from {account}.",
        "Good. Send {amount} euros from {account}.",
        "And transfer {amount} euros from {account}.",
        "Then let {amount} euros go there from {account}.",
        amount=amount,
        **about,
    )
    draft.call("transfer", from_account=account, to=name, amount=amount)
    draft.answer("I sent {amount} euros from {account} to {name}.", amount=amount, **about)


def _only_if(draft: Draft) -> None:
    name, account = draft.pick(draft.state["accounts"].items())
    other = draft.pick(draft.state["accounts"], lambda one: one != name)
    about = {"name": name, "other": other, "limit": int(account["balance"]) + draft.choices.rng.randint(10, 500)}
    draft.ask(
        "If {name} has more than {limit} euros, move 50 of them to {other}.",
        "Move 50 euros from {name} to {other}, but only if {name} has over {limit} euros.",
        "Check {name}. Is there more than {limit} euros? Then send 50 to {other}.",
        "In case {name} holds more than {limit} euros, transfer 50 to {other}.",
        **about,
    )
    draft.call("list_accounts")
    draft.answer(
        "{name} has only {balance} euros, so I moved nothing.",
        say=[[account["balance"]]],
        balance=account["balance"],
        **about,
    )
    draft.kinds.add("nothing")


BANK = WorldTasks(
    name="bank",
    state=_state,
    tasks=(
        *(_pay_a_bill, _pay_without_account, _transfer, _transfer_without_amount, _too_much, _overdraft),
        *(_balance, _bill_amount, _card, _card_limit, _new_payee, _only_if),
    ),
    beyond=(
        ("Buy shares of a solar company for me.", "I have no tool to buy shares."),
        ("Send me new paper statements by mail.", "I cannot order paper statements."),
        ("Change the PIN of my card.", "I have no tool that changes a PIN."),
        ("Get me a mortgage for a house.", "I cannot apply for a loan."),
        ("Change some euros into yen for my trip.", "I have no tool to exchange money."),
        ("Where is the next cash machine?", "I cannot look for cash machines."),
        ("Close my account for good.", "I have no tool that closes accounts."),
        ("Insure my bicycle.", "I cannot take out insurance."),
    ),
    free=("/transfers/*/note",),
)
