"""Models, tokenizers, and contexts that generate."""

from __future__ import annotations

import dataclasses
from typing import Any, Callable, Iterable, Optional, Union

from . import _elements
from ._library import Error, Handle, Object, PathLike, Status, bytes_of, call, ffi, lib, make, text_of
from ._tables import fill, rows_of
from .device import Device


@dataclasses.dataclass(frozen=True)
class Generation:
    """What generating gave."""

    text: str
    """Of all tokens, without special ones."""
    tokens: list[int]
    """As they were drawn, the stop token included."""
    reason: str
    """Why there are no more: "token", "tokens_max", "callback" or "capacity"."""


class Tokenizer(Object):
    """Text to tokens and back, by a `tokenizer.json`; see weft/tokenizer.h."""

    _kind = "tokenizer"

    def __init__(self, path: PathLike) -> None:
        self._take(make(lib.weft_tokenizer_open, "weft_tokenizer", bytes_of(path)))

    def _take(self, pointer: Any) -> None:
        self._handle = Handle(pointer, lib.weft_tokenizer_close)

    @classmethod
    def _of_model(cls, directory: bytes, info: Any) -> "Tokenizer":
        tokenizer = cls.__new__(cls)
        tokenizer._take(make(lib.weft_model_open_tokenizer, "weft_tokenizer", directory, info))
        return tokenizer

    @property
    def vocab_size(self) -> int:
        """The largest token plus one."""
        return lib.weft_tokenizer_vocab_size(self.pointer)

    def encode(self, text: Union[str, bytes], add_special: bool = True, plain_special: bool = False) -> list[int]:
        """The tokens of a text.

        `add_special` puts those of the file's template around them; with `plain_special` a special token that stands
        written out in the text is text like any other.
        """
        raw = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else bytes(text)
        flags = ((lib.WEFT_TOKENIZER_ADD_SPECIAL if add_special else 0) |
                 (lib.WEFT_TOKENIZER_PLAIN_SPECIAL if plain_special else 0))
        room = lib.weft_tokenizer_tokens_max(self.pointer, len(raw))
        ids, count = ffi.new("int32_t[]", room), ffi.new("size_t *")
        call(lib.weft_tokenizer_encode, self.pointer, raw, len(raw), flags, ids, room, count)
        return list(ids[0:count[0]])

    def decode_bytes(self, tokens: Iterable[int], skip_special: bool = True) -> bytes:
        """The bytes of tokens, which may begin or end inside a character."""
        ids = ffi.new("int32_t[]", list(tokens))
        flags = lib.WEFT_TOKENIZER_SKIP_SPECIAL if skip_special else 0
        count = ffi.new("size_t *")
        call(lib.weft_tokenizer_decode, self.pointer, ids, len(ids), flags, ffi.NULL, 0, count)
        text = ffi.new("char[]", count[0])
        call(lib.weft_tokenizer_decode, self.pointer, ids, len(ids), flags, text, count[0], count)
        return ffi.buffer(text, count[0])[:]

    def decode(self, tokens: Iterable[int], skip_special: bool = True) -> str:
        """The text of tokens; what is no valid character becomes U+FFFD."""
        return self.decode_bytes(tokens, skip_special).decode("utf-8", "replace")


class Model(Object):
    """A trained decoder on a device, from a directory as Hugging Face has them; see weft/model.h."""

    _kind = "model"

    def __init__(self, device: Device, directory: PathLike, copy_weights: bool = False) -> None:
        options = ffi.new("weft_model_options *", {"copy_weights": copy_weights})
        self._take(device, make(lib.weft_model_open, "weft_model", device.pointer, bytes_of(directory), options),
                   bytes_of(directory))

    @classmethod
    def from_config(cls, device: Device, path: PathLike, seed: int = 0) -> "Model":
        """Makes a model of a `config.json` alone, to see what passes cost. Weights are zeros, or drawn by `seed`."""
        model = cls.__new__(cls)
        model._take(device, make(lib.weft_model_open_config, "weft_model", device.pointer, bytes_of(path), seed), None)
        return model

    def _take(self, device: Device, pointer: Any, directory: Optional[bytes]) -> None:
        self._handle = Handle(pointer, lib.weft_model_close)
        self.device = device
        self._directory = directory
        self._tokenizer: Optional[Tokenizer] = None

    def _get_info(self) -> Any:
        out = ffi.new("weft_model_info *")
        lib.weft_model_get_info(self.pointer, out)
        return out

    @property
    def info(self) -> dict[str, Any]:
        """Family, sizes, element type, tokens that end a text ..."""
        row = rows_of(self._get_info())
        row["stop_tokens"] = row["stop_tokens"][:row.pop("stop_count")]
        return row

    @property
    def tokenizer(self) -> Tokenizer:
        """That of the model's directory, opened when it is first asked for."""
        if self._tokenizer is None or self._tokenizer.closed:
            if self._directory is None:
                raise Error(Status.INVALID_STATE, "A model that was made of a configuration alone has no tokenizer.")
            self._tokenizer = Tokenizer._of_model(self._directory, self._get_info())
        return self._tokenizer

    def context(self, **options: Any) -> "Context":
        """Makes an empty sequence; options as of `Context`."""
        return Context(self, **options)

    def generate(self, prompt: Union[str, bytes, Iterable[int]], max_tokens: int = 0,
                 on_token: Optional[Callable[[int], Any]] = None, **sampling: Any) -> Generation:
        """Continues a text in a sequence of its own; see `Context.generate()`."""
        with self.context() as context:
            return context.generate(prompt, max_tokens, on_token, **sampling)


class Context(Object):
    """One sequence of tokens: its cache, its activations, its session."""

    _kind = "context"

    def __init__(self, model: Model, capacity_tokens: int = 0, batch_tokens: int = 0, all_logits: bool = False,
                 timeline: bool = False, no_graph: bool = False, no_fuse: bool = False,
                 no_reorder: bool = False) -> None:
        """0 stands for the defaults, see weft_context_options. With `timeline`, times of command buffers and dispatches
        are kept, see `timeline()`."""
        self.model = model
        self._timeline: Optional[Handle] = None
        options = fill(ffi.new("weft_context_options *"),
                       {"capacity_tokens": capacity_tokens, "batch_tokens": batch_tokens, "all_logits": all_logits,
                        "no_graph": no_graph, "no_fuse": no_fuse, "no_reorder": no_reorder})
        if timeline:
            self._timeline = Handle(make(lib.weft_timeline_create, "weft_timeline"), lib.weft_timeline_destroy)
            options.session.encoder.timeline = self._timeline.pointer
        try:
            pointer = make(lib.weft_context_create, "weft_context", model.pointer, options)
        except BaseException:
            self.close()
            raise
        self._handle = Handle(pointer, lib.weft_context_destroy)

    def close(self) -> None:
        """Waits for the context's work and gives it back."""
        super().close()
        # Last, as it must outlive the work that writes to it.
        if self._timeline is not None:
            self._timeline.close()

    @property
    def info(self) -> dict[str, Any]:
        """Position, capacity, bytes of cache and activations, the state of the session and what it has spent."""
        out = ffi.new("weft_context_info *")
        lib.weft_context_get_info(self.pointer, out)
        return rows_of(out)

    @property
    def position(self) -> int:
        """Tokens fed so far."""
        return lib.weft_context_position(self.pointer)

    def _ids(self, tokens: Union[str, bytes, Iterable[int]]) -> Any:
        if isinstance(tokens, (str, bytes)):
            tokens = self.model.tokenizer.encode(tokens)
        return ffi.new("int32_t[]", list(tokens))

    def feed(self, tokens: Union[str, bytes, Iterable[int]]) -> None:
        """Runs the forward pass for tokens, or for those of a text, that follow what was fed so far."""
        ids = self._ids(tokens)
        call(lib.weft_context_feed, self.pointer, ids, len(ids))

    def skip(self, tokens: int) -> None:
        """Counts tokens as fed without running anything, to see what a pass costs behind so many."""
        call(lib.weft_context_skip, self.pointer, tokens)

    def sample(self, **sampling: Any) -> int:
        """Draws a token from the last logits: temperature, top_k, top_p, min_p, seed, draw; greedy without them."""
        out = ffi.new("int32_t *")
        call(lib.weft_context_sample, self.pointer, fill(ffi.new("weft_sample_params *"), sampling), out)
        return out[0]

    def _logits(self) -> tuple[bytearray, tuple[int, int]]:
        rows, vocab = self.info["logits_rows"], self.model._get_info().vocab
        raw = bytearray(4 * rows * vocab)
        call(lib.weft_context_logits, self.pointer, 0, rows, ffi.from_buffer("float[]", raw))
        return raw, (rows, vocab)

    def logits(self) -> list[list[float]]:
        """The logits that the last feed left: a row for the last token, or for each with `all_logits`."""
        raw, shape = self._logits()
        return _elements.nested(_elements.numbers_of(raw, "f32"), shape)

    def logits_numpy(self) -> Any:
        """The same as a NumPy array."""
        raw, shape = self._logits()
        return _elements.array_of(raw, "f32", shape)

    def reset(self) -> None:
        """Forgets all tokens; keeps the memory."""
        lib.weft_context_reset(self.pointer)

    def generate(self, prompt: Union[str, bytes, Iterable[int]], max_tokens: int = 0,
                 on_token: Optional[Callable[[int], Any]] = None, stop_tokens: Optional[Iterable[int]] = None,
                 **sampling: Any) -> Generation:
        """Feeds a prompt, text or tokens, after what was fed before, and draws tokens one at a time.

        max_tokens   0: as many as there is room for
        on_token     called with each token; False ends the generation, an exception too, and comes out here
        stop_tokens  that end it; None: those of the model
        sampling     temperature, top_k, top_p, min_p, seed, draw; greedy without them
        """
        ids = self._ids(prompt)
        params = ffi.new("weft_generate_params *", {"tokens_max": max_tokens})
        fill(ffi.addressof(params, "sample"), sampling)
        stops = None if stop_tokens is None else list(stop_tokens)
        if stops is not None:
            kept = ffi.new("int32_t[]", stops)  # no NULL, which would stand for those of the model, if there are none
            params.stop_tokens, params.stop_count = kept, len(stops)
        tokens: list[int] = []
        raised: list[BaseException] = []

        @ffi.callback("weft_token_callback", error=False)
        def take(_, token):
            tokens.append(token)
            try:
                return on_token is None or on_token(token) is not False
            except BaseException as exception:  # carried over the calls of C
                raised.append(exception)
                return False

        result = ffi.new("weft_generate_result *")
        call(lib.weft_generate, self.pointer, ids, len(ids), params, take, ffi.NULL, result)
        if raised:
            raise raised[0]
        has_text = self.model._directory is not None
        return Generation(self.model.tokenizer.decode(tokens) if has_text else "", tokens,
                          text_of(lib.weft_stop_reason_name(result.reason)))

    def timeline(self) -> list[dict[str, Any]]:
        """Command buffers, dispatches, barriers and fences so far, with their times; see weft/timeline.h."""
        self.pointer  # also of a closed context
        if self._timeline is None:
            raise Error(Status.INVALID_STATE, "The context was made without a timeline.")
        entry, rows = ffi.new("weft_timeline_entry *"), []
        for place in range(lib.weft_timeline_count(self._timeline.pointer)):
            call(lib.weft_timeline_get, self._timeline.pointer, place, entry)
            rows.append(rows_of(entry))
        return rows
