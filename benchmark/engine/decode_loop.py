"""The decode loop: continues many prompts at once, and reads each shared prefix only once.

When a sequence ends, it leaves the batch, and a waiting sequence takes its slot. The prompts form a tree of common
prefixes (see `prefix_tree`). Sequences enter the batch in depth-first order of this tree, so sequences with the same
prefix follow each other. A prefix is read before its first sequence, and freed after its last sequence. If the
beginning of a prompt is known from an earlier call (see `kept_sequences`), only the rest of the prompt is read.

A forward pass takes the tokens of many sequences in one row, one sequence after the other. Such a row is called packed.
So there is no padding.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain
from typing import TYPE_CHECKING

from toolmark.benchmark.core.errors import EnvironmentFault
from toolmark.benchmark.engine.decode_attention import Decode
from toolmark.benchmark.engine.generation_progress import GenerationProgress
from toolmark.benchmark.engine.kept_sequences import Beginning, KeptSequences
from toolmark.benchmark.engine.kv_cache import KVBlock, OwnTokens, PagePool, Store
from toolmark.benchmark.engine.prefix_attention import Pass, Prefill, Segment
from toolmark.benchmark.engine.prefix_tree import Leaf, Node, prefix_leaves, unshared_tokens
from toolmark.benchmark.engine.prompt_lookup import DRAFT, RELIABLE_DRAFT, as_text, draft_tokens
from toolmark.benchmark.engine.token_work import PROBE_STEPS, TokenWork, Workload

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Choose", "DecodeLimits", "Forward", "decode"]

Forward = Callable[[Sequence[int], "Tensor", Pass, Sequence[int]], "Tensor"]
"""A function that runs a forward pass. Its four arguments are the token ids of a packed row, the positions of these
tokens, the `Pass`, and the indices of some tokens in the row. The result contains the logits of the tokens at these
indices, and has the shape (indices, vocabulary)."""

Choose = Callable[["Tensor", Sequence[int]], list[int]]
"""A function that chooses the next token of each sequence. Its two arguments are the logits, of shape (sequences,
vocabulary), and the indices of the sequences."""


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Decides when sequences end, and how much is computed at once.

    Attributes:
        tokens: Highest number of new tokens of a sequence.
        stops: Tokens that end a sequence.
        sequences: Highest number of sequences in the batch.
        pass_tokens: Highest number of prompt tokens that are read in one pass.
        ended: A function that returns whether a sequence must end although it has no stop token. Its arguments are the
            index and the generated tokens of the sequence.
    """

    tokens: int
    stops: frozenset[int]
    sequences: int
    pass_tokens: int = 2048
    ended: Callable[[int, Sequence[int]], bool] | None = None

    def reached(self, index: int, generated: Sequence[int]) -> bool:
        """Return whether a sequence with these generated tokens has ended."""
        if generated[-1] in self.stops or len(generated) >= self.tokens:
            return True
        return self.ended is not None and self.ended(index, generated)


@dataclass(slots=True, eq=False)
class _Sequence:
    """A sequence in the batch.

    Attributes:
        leaf: The prompt of the sequence in the prefix tree.
        generated: The new tokens of the sequence. They include tokens from an earlier batch that ran out of memory.
        path: The blocks of the shared prefixes of the sequence.
        own: The keys and values of the unshared tokens of the sequence.
        text: The prompt and the new tokens, as a string for `draft_tokens`.
        accepted: Number of draft tokens that were accepted in the last pass. It limits the length of the next draft.
    """

    leaf: Leaf
    generated: list[int]
    path: tuple[KVBlock, ...]
    own: OwnTokens
    text: str
    accepted: int = 0

    def add(self, token: int) -> None:
        """Append a new token."""
        self.generated.append(token)
        self.text += chr(token)

    def next_tokens(self, spare: int, left: int) -> list[int]:
        """Return the input of the next pass: the last token, and draft tokens.

        Args:
            spare: Number of draft tokens for which the batch has free places.
            left: Highest number of draft tokens. With more, the answer could become longer than allowed.
        """
        most = min(left, 2 * self.accepted + 2)
        return self.generated[-1:] + draft_tokens(self.text, min(spare, DRAFT, most), min(RELIABLE_DRAFT, most))


def decode(
    sequences: Mapping[int, Sequence[int]],
    forward: Forward,
    choose: Choose,
    limits: DecodeLimits,
    progress: GenerationProgress | None = None,
    *,
    earlier: KeptSequences | None = None,
    kept: KeptSequences | None = None,
) -> Iterator[tuple[int, list[int]]]:
    """Continue prompts until every sequence has ended.

    If memory runs out, the batch is made half as large. Tokens that were already generated are kept.

    Args:
        sequences: Token ids of the prompts by index.
        forward: Runs a forward pass.
        choose: Chooses the next tokens.
        limits: Decides when sequences end, and how much is computed at once.
        progress: Receives how many tokens are read and written.
        earlier: Sequences of an earlier call, which some prompts continue.
        kept: Receives the sequences of this call. If memory runs out, `earlier` and `kept` are cleared.

    Yields:
        The index and the new tokens of each sequence that has ended. The new tokens include the stop token.

    Raises:
        EnvironmentFault: The memory is too small for one sequence.
    """
    generated: dict[int, list[int]] = {index: [] for index in sequences}
    progress = progress or GenerationProgress()
    earlier, kept = earlier or KeptSequences(), kept or KeptSequences()
    count = limits.sequences
    while generated:
        rest = {index: [*sequences[index], *done] for index, done in generated.items()}
        known = {index: one for index, ids in rest.items() if (one := earlier.beginning(ids)) is not None}
        leaves = [Leaf(index, (), one.length, rest[index][one.length :]) for index, one in known.items()]
        leaves += prefix_leaves({index: ids for index, ids in rest.items() if index not in known})
        work = progress.local(_workload(rest, leaves, count, limits.tokens))
        batch = _Batch(forward, choose, limits, count, work, rest, known, kept)
        try:
            for index, tokens in batch.run(_shortest_first(leaves), generated):
                del generated[index]
                yield index, tokens
        except RuntimeError as error:
            if not _out_of_memory(error):
                raise
            earlier.clear()
            kept.clear()
            if count == 1:
                raise EnvironmentFault(
                    f"the memory is too small for the answer to a single case: {str(error).splitlines()[0]}",
                    "Close other programs, or use a smaller model, or use cases with fewer tools.",
                ) from None
            count //= 2


def _shortest_first(leaves: list[Leaf]) -> list[Leaf]:
    """Return the leaves, with the shortest prompt moved to the front. So `TokenWork` soon knows all speeds."""
    first = min(leaves, key=lambda leaf: leaf.start + len(leaf.ids))
    return [first, *(leaf for leaf in leaves if leaf is not first)]


def _workload(sequences: Mapping[int, Sequence[int]], leaves: Sequence[Leaf], count: int, longest: int) -> Workload:
    def of_sample(size: int) -> int:
        some = list(sequences)[:: max(1, len(sequences) // size)][:size]
        return unshared_tokens(list(prefix_leaves({index: sequences[index] for index in some})))

    return Workload(unshared_tokens(leaves), len(leaves), count, longest, of_sample)


def _out_of_memory(error: RuntimeError) -> bool:
    """Return whether memory ran out. Torch has a class for this error only on CUDA, so the message is read."""
    import torch

    said = ("allocate memory", "not enough memory", "out of memory")  # "out of memory" is the message of mps.
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in said)


@dataclass(slots=True)
class _Batch:
    forward: Forward
    choose: Choose
    limits: DecodeLimits
    count: int
    work: TokenWork
    prompts: Mapping[int, Sequence[int]]
    known: dict[int, Beginning]
    kept: KeptSequences
    active: list[_Sequence] = field(default_factory=list)
    pool: PagePool = field(default_factory=PagePool)
    blocks: dict[Node, KVBlock] = field(default_factory=dict)

    def run(self, leaves: Sequence[Leaf], generated: Mapping[int, list[int]]) -> Iterator[tuple[int, list[int]]]:
        """Continue all sequences until they have ended. The new tokens are appended to the lists in `generated`."""
        waiting = deque(leaves)
        # The first sequence makes a few steps alone. The times of these steps are used to estimate the time of the run.
        most, alone = 1, PROBE_STEPS
        while waiting or self.active:
            # To read a few prompts takes nearly as long as to read many. So prompts are read only when several places
            # are free.
            free = self.count - len(self.active)
            if waiting and free >= max(1, self.count // 4) and not (self.active and alone):
                self._admit(waiting, generated, min(most, free))
                most = self.count
            else:
                alone = max(0, alone - 1)
                self._step()
            for sequence in list(self.active):
                if self.limits.reached(sequence.leaf.index, sequence.generated):
                    self._remove(sequence)
                    self.work.ended(len(sequence.generated))
                    yield sequence.leaf.index, sequence.generated

    def _admit(self, waiting: deque[Leaf], generated: Mapping[int, list[int]], most: int) -> None:
        """Read the next prompts, and add their sequences to the batch.

        At most `most` prompts are read. Each pass reads at most `limits.pass_tokens` tokens.
        """
        ids: list[int] = []
        segments: list[Segment] = []
        ends: list[int] = []
        admitted: list[_Sequence] = []
        while waiting and len(admitted) < most:
            if admitted and len(ids) + len(waiting[0].ids) > self.limits.pass_tokens:
                break
            leaf = waiting.popleft()
            path, own = self._begun(leaf)
            *earlier, last = _chunks(leaf.ids, self.limits.pass_tokens)
            for chunk in earlier:
                self._read(chunk, path, own)
            ids += last
            segments.append(Segment(path, own, len(last)))
            ends.append(len(ids) - 1)
            text = as_text(self.prompts[leaf.index])
            admitted.append(_Sequence(leaf, generated[leaf.index], path, own, text))
        logits = self._pass(ids, segments, ends)
        self.active += admitted
        for sequence, token in zip(
            admitted, self.choose(logits, [sequence.leaf.index for sequence in admitted]), strict=True
        ):
            sequence.add(token)
        self.work.admitted(self._lengths())

    def _lengths(self) -> list[int]:
        return [len(sequence.generated) for sequence in self.active]

    def _begun(self, leaf: Leaf) -> tuple[tuple[KVBlock, ...], OwnTokens]:
        """Return the blocks of a sequence, and the store for the tokens after them."""
        known = self.known.pop(leaf.index, None)
        if known is None:
            return self._path(leaf), OwnTokens(self.pool, leaf.start)
        own = OwnTokens(self.pool, known.own.start)
        known.own.copy_to(own, known.length - known.own.start)
        return known.path, own

    def _path(self, leaf: Leaf) -> tuple[KVBlock, ...]:
        """Return the blocks of the shared prefixes of a sequence. If a prefix is not in `blocks` yet, read it now."""
        path: tuple[KVBlock, ...] = ()
        for node in leaf.path:
            if node not in self.blocks:
                block = KVBlock(node.start, len(node.ids))
                for chunk in _chunks(node.ids, self.limits.pass_tokens):
                    self._read(chunk, path, block)
                self.blocks[node] = block
            path = (*path, self.blocks[node])
        return path

    def _read(self, ids: Sequence[int], path: tuple[KVBlock, ...], store: Store) -> None:
        self._pass(ids, [Segment(path, store, len(ids))], [len(ids) - 1])

    def _pass(self, ids: Sequence[int], segments: Sequence[Segment], ends: Sequence[int]) -> Tensor:
        prefill = Prefill(segments)
        logits = self.forward(ids, prefill.positions, prefill, ends)
        for segment in segments:
            segment.store.length += segment.tokens
        self.work.read(len(ids))
        return logits

    def _step(self) -> None:
        """Run one forward pass. It gives each sequence one new token, and one more for each accepted draft token.

        Drafts take the free places of the batch. A sequence with a reliable draft needs no free place.
        """
        count = len(self.active)
        spare = (self.count - count) // count
        inputs = [
            sequence.next_tokens(spare, self.limits.tokens - len(sequence.generated) - 1) for sequence in self.active
        ]
        step = Decode(self.pool, [each.own for each in self.active], [len(tokens) for tokens in inputs], self._shared())
        ids = list(chain.from_iterable(inputs))
        logits = self.forward(ids, step.positions, step, range(len(ids)))
        for sequence, added in zip(self.active, self._accept(logits, inputs), strict=True):
            sequence.accepted = added - 1
            sequence.own.length += added
        self.work.wrote(len(ids), self._lengths())

    def _accept(self, logits: Tensor, inputs: Sequence[Sequence[int]]) -> list[int]:
        """Append the chosen tokens to each sequence, up to the first draft token that is not accepted.

        A draft token is accepted if it is equal to the chosen token. The tokens of a sequence are chosen one after the
        other. So `choose` draws the same random numbers as without drafts.

        Args:
            logits: Logits of all inputs, of shape (tokens, vocabulary).
            inputs: The input of each sequence: its last token and its draft tokens.

        Returns:
            The number of tokens that were appended to each sequence.
        """
        first = [0, *accumulate(map(len, inputs))]
        added = [0] * len(inputs)
        pending = list(range(len(inputs)))
        while pending:
            rows = [first[number] + added[number] for number in pending]
            chosen = self.choose(
                logits if len(rows) == len(logits) else logits[rows],
                [self.active[number].leaf.index for number in pending],
            )
            continuing = []
            for number, token in zip(pending, chosen, strict=True):
                sequence = self.active[number]
                sequence.add(token)
                added[number] += 1
                draft = inputs[number][added[number] : added[number] + 1]
                if draft == [token] and not self.limits.reached(sequence.leaf.index, sequence.generated):
                    continuing.append(number)
            pending = continuing
        return added

    def _shared(self) -> dict[KVBlock, list[int]]:
        """Return the blocks of the sequences, and for each block the numbers of the sequences that share it."""
        shared: dict[KVBlock, list[int]] = {}
        for number, sequence in enumerate(self.active):
            for block in sequence.path:
                shared.setdefault(block, []).append(number)
        return shared

    def _remove(self, sequence: _Sequence) -> None:
        """Remove a sequence from the batch, and free its pages and the blocks that no other sequence needs."""
        self.active.remove(sequence)
        self.kept.add([*self.prompts[sequence.leaf.index], *sequence.generated], sequence.path, sequence.own)
        sequence.own.free()
        for node in sequence.leaf.path:
            node.sequences -= 1
            if not node.sequences:
                del self.blocks[node]


def _chunks(ids: Sequence[int], size: int) -> list[Sequence[int]]:
    return [ids[first : first + size] for first in range(0, len(ids), size)]
