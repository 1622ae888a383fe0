#!/usr/bin/env python3
"""Makes the tokenizers and the cases that tests/unit/test_tokenizer_cases.c replays, with an independent
implementation: the Python package `tokenizers`.

usage: make_tokenizer_cases.py [--root DIR]

writes tests/data/tokenizers/gpt2.json and llama3.json, two small byte-level BPE vocabularies with the split patterns of
GPT-2 and Llama 3, and tests/data/tokenizer_cases.json: groups of {tokenizer, patch, add_special, cases}, where `patch`
replaces fields of the tokenizer's file and a case is [text, tokens]. All of it follows from the seeds below.
"""

import argparse
import json
import random
import unicodedata
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

SEED = 20240607
MERGES = 400
CASES_PER_GROUP = 60

LLAMA3_PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
                  r"|\s*[\r\n]+|\s+(?!\S)|\s+")

# What random texts are made of: everything that split patterns, normalisation or added tokens treat in its own way.
WORDS = ["a", "the", "The", "weft", "warp", "loom", "record", "command", "buffer", "I'll", "we've", "IT'S", "don't",
         "they'Re", "'s", "'ſ", "x'd", "naïve", "Ünïcödé", "straße", "привет", "мир", "κόσμε", "שלום", "مرحبا",
         "नमस्ते", "日本語", "東京", "中文字", "한국어", "ไทย", "ǅ", "ﬁne", "e\u0301", "A\u030a", "q\u0323\u0307", "q\u0307\u0323",
         "\u1112\u1161\u11ab", "\u212b", "\u0958", "\u1e9b\u0323"]
NUMBERS = ["0", "7", "42", "623", "1234", "1000000", "3.14", "-5", "1e-9", "²", "Ⅷ", "٣٤", "½", "0x1F", "2024-06-07"]
MARKS = [".", ",", "!", "?", "...", "--", "(", ")", "[]", "{}", "=", "==", "+", "*", "/", "\\", "<", ">", "<|", "|>",
         "#", "@", "_", "__x__", "\"", "'", "’", "“”", "…", "—", "€", "→", "👍", "👩‍👩‍👧", "🇩🇪", "\u0301", "\u200b",
         "\u200d", "\ufeff", "\ufffd", "\U0001d160", "\x7f", "\x01", "\u00ad"]
SPACES = [" ", " ", " ", " ", "  ", "   ", "\t", "\n", "\n\n", "\r\n", " \n", "\n ", " \t ", "\v", "\f", "\x85",
          "\u00a0", "\u1680", "\u180e", "\u2003", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\x1c", "\x1f"]
ADDED = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|im_", "<|begin|>", "<tag>", "<tag>x", "né", "ne\u0301",
         "endoftext"]


def words_of(rng, count, pool):
    return "".join(rng.choice(rng.choice(pool)) for _ in range(count))


def random_text(rng):
    """A text of up to some sixty parts; now and then one of any characters at all, or a long run of one."""
    kind = rng.random()
    if kind < 0.1:
        points = (rng.choice([rng.randrange(1, 0x80), rng.randrange(1, 0x800), rng.randrange(1, 0xd800),
                              rng.randrange(0xe000, 0x110000)]) for _ in range(rng.randrange(1, 20)))
        # Engines know different versions of Unicode: only what this one knows is common to all.
        return "".join(character for character in map(chr, points) if unicodedata.category(character) != "Cn")
    if kind < 0.2:
        return rng.choice(WORDS + SPACES + MARKS) * rng.randrange(1, 40) + words_of(rng, 2, [WORDS, SPACES])
    return words_of(rng, rng.randrange(0, 30), [WORDS, WORDS, SPACES, SPACES, SPACES, NUMBERS, MARKS, ADDED])


def training_texts(rng):
    mixed = [words_of(rng, 100, [WORDS, SPACES, WORDS, SPACES, NUMBERS, MARKS]) for _ in range(60)]
    pools = [["a", "the", "weft", "'s", "I'll"], [" ", "  ", "\n"], ["1", "42", "623"], [".", ",", "="]]
    plain = [words_of(rng, 40, pools) for _ in range(200)]
    return mixed + plain + ["aaaa" * 20] * 20 + ["e\u0301 né ne\u0301"] * 20


def train(pre_tokenizer, rng):
    """A tokenizer with all 256 bytes, MERGES merges, and ids that follow the vocabulary for its added tokens. It learns
    from text that is not split, so that its merges reach over the places where `pre_tokenizer` must cut."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=256 + MERGES, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
                                  show_progress=False, special_tokens=[])
    tokenizer.train_from_iterator(training_texts(rng), trainer)
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.add_special_tokens([AddedToken("<|endoftext|>", special=True, normalized=False),
                                  AddedToken("<|begin|>", special=True, normalized=False)])
    tokenizer.add_tokens([AddedToken("<tag>", normalized=False), AddedToken("<tag>x", normalized=False),
                          AddedToken("<|im_", normalized=True), AddedToken("né", normalized=True)])
    return tokenizer


def make_gpt2(rng):
    tokenizer = train(pre_tokenizers.ByteLevel(add_prefix_space=False), rng)
    tokenizer.post_processor = processors.ByteLevel()
    document = json.loads(tokenizer.to_str())
    # The way in which older files write merges.
    document["model"]["merges"] = [" ".join(pair) for pair in document["model"]["merges"]]
    return document


def without_some_leaves(merges):
    """Leaves out every third of the merges whose results no other merge needs, so that these tokens cannot be reached
    by merging: what `ignore_merges` is for."""
    parts = {part for pair in merges for part in pair}
    return [pair for index, pair in enumerate(merges) if "".join(pair) in parts or index % 3]


def make_llama3(rng):
    split = pre_tokenizers.Split(Regex(LLAMA3_PATTERN), behavior="isolated", invert=False)
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer = train(pre_tokenizers.Sequence([split, byte_level]), rng)
    begin = ("<|begin|>", tokenizer.token_to_id("<|begin|>"))
    template = processors.TemplateProcessing(single="<|begin|> $A", pair="<|begin|> $A <|begin|> $B",
                                             special_tokens=[begin])
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(), template])
    document = json.loads(tokenizer.to_str())
    document["model"]["merges"] = without_some_leaves(document["model"]["merges"])
    document["model"]["ignore_merges"] = True
    return document


def groups_of(gpt2, llama3):
    """(path, document, patch, add_special) of each group of cases."""
    gpt2_path, llama3_path = "tests/data/tokenizers/gpt2.json", "tests/data/tokenizers/llama3.json"
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    numbers = {"type": "Split", "pattern": {"Regex": r"\p{N}{1,3}"}, "behavior": "Isolated", "invert": False}
    literal = {"type": "Split", "pattern": {"String": "e"}, "behavior": "Isolated", "invert": False}
    empty = {"type": "Split", "pattern": {"Regex": r"(?=\p{Lu})|x*"}, "behavior": "Isolated", "invert": False}
    yield gpt2_path, gpt2, {}, False
    yield gpt2_path, gpt2, {"pre_tokenizer": {**byte_level, "add_prefix_space": True, "use_regex": True}}, False
    yield gpt2_path, gpt2, {"pre_tokenizer": byte_level}, False
    yield gpt2_path, gpt2, {"normalizer": {"type": "NFC"}}, False
    yield llama3_path, llama3, {}, True
    yield llama3_path, llama3, {"model": {**llama3["model"], "ignore_merges": False}}, False
    sequence = {"type": "Sequence", "pretokenizers": [numbers, literal, empty, {**byte_level, "use_regex": True}]}
    yield llama3_path, llama3, {"pre_tokenizer": sequence}, False
    prefixed = {"type": "Sequence", "pretokenizers": [numbers, {**byte_level, "add_prefix_space": True}]}
    normalizers = {"type": "Sequence", "normalizers": [{"type": "NFC"}]}
    yield llama3_path, llama3, {"pre_tokenizer": prefixed, "normalizer": normalizers}, True


def write(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    root = parser.parse_args().root

    rng = random.Random(SEED)
    gpt2, llama3 = make_gpt2(rng), make_llama3(rng)
    write(root / "tests/data/tokenizers/gpt2.json", gpt2)
    write(root / "tests/data/tokenizers/llama3.json", llama3)
    sums_path = "models/sums/tokenizer.json"
    sums = json.loads((root / sums_path).read_text(encoding="utf-8"))

    groups = []
    for path, document, patch, add_special in [(sums_path, sums, {}, False), *groups_of(gpt2, llama3)]:
        tokenizer = Tokenizer.from_str(json.dumps({**document, **patch}))
        texts = [random_text(rng) for _ in range(CASES_PER_GROUP)]
        cases = [[text, tokenizer.encode(text, add_special_tokens=add_special).ids] for text in texts]
        if "model" in patch:  # the vocabulary need not be written again
            patch = {"model.ignore_merges": patch["model"]["ignore_merges"]}
        groups.append({"tokenizer": path, "patch": patch, "add_special": add_special, "cases": cases})
    write(root / "tests/data/tokenizer_cases.json", {"groups": groups})


if __name__ == "__main__":
    main()
