#!/usr/bin/env python3
"""The hashing embedder again, written for reading, to check the Go one with.

Reads one JSON object a line, {"text": ..., "dimensions": ..., "repeat": ...},
and writes it back with "vector": the float32 components as hexadecimal bits.
Characters are classified by their Unicode category here and by a coarser table
there, so only texts on which the two agree are a fair comparison.
"""
import json, math, struct, sys, unicodedata

M64 = (1 << 64) - 1
SEED = 0xcbf29ce484222325


def mix(h):
    h ^= h >> 33
    h = h * 0xff51afd7ed558ccd & M64
    h ^= h >> 33
    h = h * 0xc4ceb9fe1a85ec53 & M64
    return h ^ h >> 33


def fnv(codes):
    h = SEED
    for c in codes:
        h = (h ^ c) * 0x100000001b3 & M64
    return h


def kind(c):
    cat = unicodedata.category(c)
    if cat[0] in "ZC":
        return "space"
    if cat[0] in "PS":
        return "mark"
    name = unicodedata.name(c, "")
    return "ideograph" if name.startswith(("CJK UNIFIED", "HIRAGANA", "KATAKANA")) else "letter"


def embed(text, dimensions):
    lower = [c.lower()[0] for c in text]
    tokens, marks, word = [], [], ""
    for c in lower + [" "]:
        k = kind(c)
        if k == "letter":
            word += c
            continue
        if word:
            tokens.append(word)
            word = ""
        if k == "ideograph":
            tokens.append(c)
        if k == "mark":
            marks.append(c)
    visible = sum(kind(c) != "space" for c in lower)
    digits = sum(c in "0123456789" for c in lower)

    states = [fnv(map(ord, t)) for t in tokens]
    grams = []
    for t in tokens:
        w = [0x110000] + [ord(c) for c in t] + [0x110001]
        for end in range(1, len(w) + 1):
            for n in (3, 4, 5):
                if n <= end:
                    grams.append(fnv(w[end - n:end]))
    groups = [  # weight, bits of the bin, hashes in order
        (1.0, 14, states),
        (0.3, 14, [mix(a) ^ b for a, b in zip(states, states[1:])]),
        (1.0, 16, grams),
        (0.5, 10, [fnv([ord(c)]) for c in marks]),
    ]

    v = [0.0] * dimensions

    def add(feature, weight):
        h = mix(feature + 1)
        v[(h >> 32) * dimensions >> 32] += -weight if h & 1 else weight

    for g, (weight, bits, hashes) in enumerate(groups):
        counts = {}
        for h in hashes:
            b = mix(h) >> (64 - bits)
            counts[b] = counts.get(b, 0) + 1
        if counts:
            square = 0.0
            for n in counts.values():
                square += (1 + math.log(n)) ** 2
            for b, n in counts.items():
                add(g << 32 | b, weight / math.sqrt(square) * (1 + math.log(n)))

    n = visible + 1
    measures = [n, (n + 50 * digits) / n, (n + 50 * len(marks)) / n, 1 + 4 * n / (len(tokens) + 1)]
    scale = 0.5 / math.sqrt(len(measures) * 1.25)
    for i, x in enumerate(measures):
        b = math.floor(2 * math.log2(x) + 1e-12)
        add(4 + i << 32 | b, scale)
        add(4 + i << 32 | b + 1, scale / 2)

    square = 0.0
    for x in v:
        square += x * x
    norm = math.sqrt(square)
    return b"".join(struct.pack(">f", x / norm) for x in v).hex()


for line in sys.stdin:
    case = json.loads(line)
    case["vector"] = embed(case["text"] * case.get("repeat", 1), case["dimensions"])
    print(json.dumps(case, ensure_ascii=False))
