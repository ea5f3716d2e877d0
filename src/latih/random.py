"""The one seed, and random numbers that are pure functions of it.

Whatever Latih draws (initial weights, the order of the data, the units that dropout switches off)
comes from seeds taken here, in the order in which things are made. So one call of
:func:`set_random_seed` at the top of a script fixes all of it.
"""

import math
import random
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from latih.errors import InputError

_seeds = random.Random()


def set_random_seed(seed: int) -> None:
    """Seed Python, NumPy, torch and Latih, so that the same script gives the same bits.

    Args:
        seed: a whole number from 0 to 2**32 - 1, the range that NumPy takes.

    Raises:
        InputError: it is outside that range.

    Example:
        >>> set_random_seed(42)
        >>> first = make_seed()
        >>> set_random_seed(42)
        >>> first == make_seed()
        True
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise InputError(
            "`seed` of set_random_seed cannot be used",
            expected="a whole number from 0 to 4294967295",
            got=repr(seed),
        )
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    _seeds.seed(seed)


def make_seed() -> int:
    """Draw the next seed: what a layer or an initializer takes that was given none."""
    if _hearers:
        _tell(None)
    return _seeds.getrandbits(31)


def state_dict() -> dict[str, Any]:
    """Return where every generator of the process stands: Python's, NumPy's, torch's, Latih's.

    Returns:
        JSON values and tensors: what a run needs, to draw after a crash what it would have drawn.
    """
    numpy: dict[str, Any] = np.random.get_state(legacy=False)  # type: ignore[assignment]
    return {
        "python": _python_state(random),
        "latih": _python_state(_seeds),
        "numpy": {
            "kind": numpy["bit_generator"],
            "words": torch.from_numpy(numpy["state"]["key"].astype(np.int64)),
            "place": int(numpy["state"]["pos"]),
            "has_normal": int(numpy["has_gauss"]),
            "normal": float(numpy["gauss"]),
        },
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
        "mps": torch.mps.get_rng_state() if torch.backends.mps.is_available() else None,
    }


def load_state_dict(state: Mapping[str, Any]) -> None:
    """Let every generator go on from where :func:`state_dict` found it.

    Example:
        >>> before = state_dict()
        >>> first = make_seed(), torch.rand(())
        >>> load_state_dict(before)
        >>> first == (make_seed(), torch.rand(()))
        True
    """
    random.setstate(_as_python_state(state["python"]))
    _seeds.setstate(_as_python_state(state["latih"]))
    drawn = state["numpy"]
    words = drawn["words"].numpy().astype(np.uint32)
    np.random.set_state(
        (drawn["kind"], words, drawn["place"], drawn["has_normal"], drawn["normal"])
    )
    torch.set_rng_state(state["torch"].cpu())
    # A machine may have other devices than the one where the state was taken.
    devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    for device, of_device in zip(range(devices), state["cuda"], strict=False):
        torch.cuda.set_rng_state(of_device.cpu(), device)
    if state["mps"] is not None and torch.backends.mps.is_available():
        torch.mps.set_rng_state(state["mps"].cpu())


@contextmanager
def drawing_from(state: Mapping[str, Any]) -> Generator[None]:
    """Let the block draw as from an earlier state; what comes after it draws as if it had not been.

    Example:
        >>> before = state_dict()
        >>> first, second = make_seed(), make_seed()
        >>> with drawing_from(before):
        ...     first == make_seed()
        True
    """
    now = state_dict()
    load_state_dict(state)
    try:
        yield
    finally:
        load_state_dict(now)


def _python_state(dice: Any) -> dict[str, Any]:
    version, words, normal = dice.getstate()
    numbers = np.fromiter(words, np.int64, len(words))  # twice as fast as np.array(words)
    return {"version": version, "words": torch.from_numpy(numbers), "normal": normal}


def _as_python_state(state: Mapping[str, Any]) -> tuple[Any, ...]:
    return state["version"], tuple(state["words"].tolist()), state["normal"]


def mix(*numbers: int) -> int:
    """Hash whole numbers into 64 well-mixed bits (SplitMix64's finaliser, once a number).

    Args:
        numbers: for example a seed, an epoch, a step.

    Reference:
        Steele, Lea & Flood 2014, "Fast Splittable Pseudorandom Number Generators", section 3.

    Example:
        >>> mix(1, 2) == mix(1, 2), mix(1, 2) == mix(2, 1)
        (True, False)
    """
    state = 0
    for number in numbers:
        state = (state + int(number) + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 31
    return state


def generator(*numbers: int, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a torch generator whose stream is a pure function of ``numbers``."""
    return torch.Generator(device=device).manual_seed(mix(*numbers) >> 1)


class SeedGenerator:
    """A seed and how often it has been drawn from: the whole state of a random layer.

    Args:
        seed: a whole number; None takes the next of the process's one seed.

    Example:
        >>> dice = SeedGenerator(7)
        >>> dice.next() == dice.next()
        False
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = make_seed() if seed is None else seed
        self.draws = 0

    def next(self) -> int:
        """Return 64 bits: a pure function of the seed and of the number of draws before."""
        bits = self._next()
        if _hearers:
            _tell(None)
        return bits

    def next_key(self, device: torch.device | str = "cpu") -> torch.Tensor:
        """Return the next 64 bits as a tensor, from which a recorded step can go on drawing.

        Args:
            device: where it shall be.

        Shapes:
            returns: ``(2,)``, int32.
        """
        draw = Draw(self, device)
        draw.again()
        if _hearers:
            _tell(draw)
        return draw.key

    def _next(self) -> int:
        bits = mix(self.seed, self.draws)
        self.draws += 1
        return bits


class Draw:
    """A place in memory into which a generator draws, as often as it is asked.

    Args:
        generator: what draws.
        device: where the bits shall be.

    Example:
        >>> draw = Draw(SeedGenerator(7), "cpu")
        >>> draw.again()
        >>> before = draw.key.tolist()
        >>> draw.again()
        >>> before == draw.key.tolist()
        False
    """

    def __init__(self, generator: SeedGenerator, device: torch.device | str) -> None:
        self._generator = generator
        self._words = np.empty(1, np.uint64)
        self._drawn = torch.from_numpy(self._words.view(np.int32))
        self.key = self._drawn.to(device)

    def again(self) -> None:
        """Put the generator's next 64 bits there."""
        self._words[0] = self._generator._next()  # pyright: ignore[reportPrivateUsage]
        if self.key is not self._drawn:
            self.key.copy_(self._drawn)


_hearers: list[tuple[int, Callable[[Draw | None], None]]] = []


@contextmanager
def hearing_draws(heard: Callable[[Draw | None], None]) -> Generator[None]:
    """Tell a function of this thread's draws in the block: the draw, or None for bits for Python.

    Args:
        heard: what is told.
    """
    hearer = threading.get_ident(), heard
    _hearers.append(hearer)
    try:
        yield
    finally:
        _hearers.remove(hearer)


def _tell(draw: Draw | None) -> None:
    for thread, heard in _hearers:
        if thread == threading.get_ident():
            heard(draw)


def keep_mask(
    like: torch.Tensor, rate: float, key: torch.Tensor, kept: float = 1.0
) -> torch.Tensor:
    """Return zeros, with probability ``rate``, and ``kept`` elsewhere, shaped as ``like``.

    Each element is a hash of its index and ``key``, in int32 arithmetic that vectorises; torch's
    own generator on a CPU is serial. There is no state: the same key gives the same mask, eager,
    recorded or resumed.

    Args:
        like: the tensor whose shape, type and device the mask takes.
        rate: the probability of a zero, 0 to 1.
        key: 64 random bits, from :meth:`SeedGenerator.next_key`.
        kept: what stands where there is no zero.

    Shapes:
        like: any; returns: the same.

    Example:
        >>> key = SeedGenerator(3).next_key()
        >>> 0.74 < keep_mask(torch.zeros(100, 1000), 0.25, key).mean().item() < 0.76
        True
    """
    if rate >= 1:
        return torch.zeros_like(like)
    keep = _hashes(like.numel(), key).ge(round(rate * 2**31)).view(like.shape)
    return (keep * kept).to(like.dtype)


def uniform(count: int, key: torch.Tensor) -> torch.Tensor:
    """Return numbers drawn evenly from 0 (which can come) to 1 (which cannot).

    Args:
        count: how many.
        key: 64 random bits, from :meth:`SeedGenerator.next_key`; the numbers are where it is.

    Shapes:
        returns: ``(count,)``, multiples of 2**-24.

    Example:
        >>> 0.49 < uniform(100_000, SeedGenerator(3).next_key()).mean().item() < 0.51
        True
    """
    # A float32 holds 24 bits exactly; the upper ones are the best mixed.
    return (_hashes(count, key) >> 7).float().mul_(2.0**-24)


def permutation(count: int, key: torch.Tensor) -> torch.Tensor:
    """Return the whole numbers below ``count`` in a random order.

    Args:
        count: how many.
        key: 64 random bits, from :meth:`SeedGenerator.next_key`; the numbers are where it is.

    Shapes:
        returns: ``(count,)``, int64.

    Example:
        >>> sorted(permutation(5, SeedGenerator(3).next_key()).tolist())
        [0, 1, 2, 3, 4]
    """
    return _hashes(count, key).argsort(stable=True)


def beta(alpha: float, count: int, bits: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """Return numbers of 0..1 with the density ``x^(α-1) (1-x)^(α-1) / B(α, α)``.

    Exact sampling rejects, so how many raw numbers are needed is not known before: NumPy draws
    them, from a counter-based generator whose key is ``bits``.

    Args:
        alpha: above 0; small means near 0 or 1, one means evenly, large means near 1/2.
        count: how many.
        bits: 64 random bits, from :meth:`SeedGenerator.next`.
        device: where they shall be.

    Shapes:
        returns: ``(count,)``, float32.

    Reference:
        Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3", section 3.3 (Philox).

    Example:
        >>> 0.49 < beta(0.2, 100_000, mix(3)).mean().item() < 0.51
        True
    """
    drawn = np.random.Generator(np.random.Philox(key=bits)).beta(alpha, alpha, count)
    return torch.from_numpy(drawn).to(device=device, dtype=torch.float32)


def standard_normal(like: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """Return draws from N(0, 1) shaped as ``like``: as :func:`keep_mask`, without state.

    ``√(-2 ln u) cos θ`` and ``√(-2 ln u) sin θ`` of a uniform u and a uniform angle θ are two
    independent normal numbers. u has 31 bits, so no draw lies beyond 6.6 deviations; of the true
    normal one in 2.5e10 does.

    Args:
        like: the tensor whose shape, type and device the draws take.
        key: 64 random bits, from :meth:`SeedGenerator.next_key`.

    Shapes:
        like: any; returns: the same.

    Reference:
        Box & Muller 1958, equation 1.

    Example:
        >>> draws = standard_normal(torch.zeros(100, 1000), SeedGenerator(3).next_key())
        >>> abs(draws.mean().item()) < 0.01, abs(draws.std().item() - 1) < 0.01
        (True, True)
    """
    pairs = (like.numel() + 1) // 2
    hashes = _hashes(2 * pairs, key)
    # Small u make the tails: as integers they keep all their bits in a float, where a uniform
    # number in 0..1 keeps 24.
    u = hashes[:pairs].float().add_(1.0).mul_(2.0**-31)
    radius = u.log_().mul_(-2.0).sqrt_()
    angle = hashes[pairs:].float().mul_(math.pi * 2.0**-30)
    draws = torch.cat([angle.cos().mul_(radius), angle.sin().mul_(radius)])
    return draws[: like.numel()].to(like.dtype).view(like.shape)


def _hashes(count: int, key: torch.Tensor) -> torch.Tensor:
    """Return so many int32 from 0 to 2**31 - 1, each a hash of its index and ``key``.

    torch's right shift of an int32 keeps the sign. In the first round that does no harm, as the
    sign is the same for all indices; after the last it makes the uppermost bit zero, so that 31
    are left; in between it costs one bit of what tells two indices apart, as chance would.

    Reference:
        The mixing constants are "lowbias32" of C. Wellons' hash-prospector.
    """
    low, high = key.unbind()
    x = torch.arange(count, dtype=torch.int32, device=key.device).bitwise_xor(low)
    x.bitwise_xor_(x >> 16).mul_(0x7FEB352D)
    # The second half of the key enters between the rounds: two steps whose first halves differ by
    # little are then not shifted copies of each other.
    x.add_(high)
    x.bitwise_xor_(x >> 15).mul_(0x846CA68B - 2**32)
    return x.bitwise_xor_(x >> 16)
