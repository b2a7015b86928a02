#!/usr/bin/env python3
"""Verifies a signed copy of an Entente record, whole or redacted, without Entente.

    python3 verify_record.py FILE          says what the file shows and who signed it; exit code 6 if it is wrong
    python3 verify_record.py --lines       reads files as lines of hexadecimal, prints `good` or `bad: why` for each

Written from docs/spec alone, in the standard library alone: Ed25519 (RFC 8032), BLAKE3 (its paper, section 2) and
deterministic CBOR (RFC 8949, section 4.2.1). It is slow and not made for secrets: it holds none.
"""

import hashlib
import json
import sys


class Wrong(Exception):
    """The file is not what it should be."""


def check(holds, why):
    if not holds:
        raise Wrong(why)


# --- CBOR: arrays, tables, text, bytes, whole numbers, true, false, null; shortest forms, definite lengths ----

class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        check(self.at + count <= len(self.data), "it ends too early")
        self.at += count
        return self.data[self.at - count:self.at]

    def head(self):
        first = self.take(1)[0]
        major, low = first >> 5, first & 31
        if low < 24:
            return major, low
        check(low < 28 and major != 7, "a form of CBOR that is not used here")
        size = 1 << (low - 24)
        number = int.from_bytes(self.take(size), "big")
        check(number >= (24, 1 << 8, 1 << 16, 1 << 32)[low - 24], "not in canonical form")
        return major, number

    def value(self, depth=24):
        check(depth > 0, "nested too deep")
        major, number = self.head()
        if major == 0:
            return number
        if major == 1:
            return -1 - number
        if major == 2:
            return self.take(number)
        if major == 3:
            try:
                return self.take(number).decode("utf-8")
            except UnicodeDecodeError:
                raise Wrong("text that is not UTF-8") from None
        if major == 4:
            return [self.value(depth - 1) for _ in range(number)]
        if major == 5:
            return self.table(number, depth)
        check(major == 7 and number in (20, 21, 22), "a form of CBOR that is not used here")
        return {20: False, 21: True, 22: None}[number]

    def table(self, count, depth):
        table, last = {}, None
        for _ in range(count):
            begin = self.at
            key = self.value(depth - 1)
            encoded = self.data[begin:self.at]
            check(isinstance(key, str) and (last is None or encoded > last), "keys out of order")
            table[key], last = self.value(depth - 1), encoded
        return table


def decode(data):
    reader = Reader(data)
    value = reader.value()
    check(reader.at == len(data), "bytes after the end")
    return value


def head(major, number):
    if number < 24:
        return bytes([major << 5 | number])
    for low, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << (8 * size):
            return bytes([major << 5 | low]) + number.to_bytes(size, "big")
    raise Wrong("too large a number")


def array_of_bytes(*parts):
    return head(4, len(parts)) + b"".join(head(2, len(part)) + part for part in parts)


def array(value, least, most, what):
    """An array whose optional ends are left out where they are null."""
    check(isinstance(value, list) and least <= len(value) <= most, what + ": malformed")
    check(len(value) == least or value[-1] is not None, what + ": not in canonical form")
    return value + [None] * (most - len(value))


def exact(value, length, what):
    check(isinstance(value, bytes) and len(value) == length, what + ": malformed")
    return value


# --- BLAKE3, in its mode for deriving keys --------------------------------------------------------------------

WORD = 0xFFFFFFFF
IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTED = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
CHUNK_START, CHUNK_END, PARENT, ROOT, CONTEXT, MATERIAL = 1, 2, 4, 8, 32, 64
COLUMNS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15))
DIAGONALS = ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))


def words(data):
    return [int.from_bytes(data[i:i + 4], "little") for i in range(0, len(data), 4)]


def mix(s, a, b, c, d, x, y):
    for m, right, left in ((x, 16, 12), (y, 8, 7)):
        s[a] = (s[a] + s[b] + m) & WORD
        s[d] ^= s[a]
        s[d] = (s[d] >> right | s[d] << (32 - right)) & WORD
        s[c] = (s[c] + s[d]) & WORD
        s[b] ^= s[c]
        s[b] = (s[b] >> left | s[b] << (32 - left)) & WORD


def compress(chaining, block, counter, length, flags):
    m = words(block.ljust(64, b"\0"))
    s = list(chaining) + list(IV[:4]) + [counter & WORD, counter >> 32, length, flags]
    for _ in range(7):
        for step, (a, b, c, d) in enumerate(COLUMNS + DIAGONALS):
            mix(s, a, b, c, d, m[2 * step], m[2 * step + 1])
        m = [m[i] for i in PERMUTED]
    return [s[i] ^ s[i + 8] for i in range(8)]


def chunk_output(key, chunk, counter, flags):
    """What is still to be compressed of a chunk: its last block, so that the root can be marked."""
    blocks = [chunk[i:i + 64] for i in range(0, len(chunk), 64)] or [b""]
    chaining = list(key)
    for number, block in enumerate(blocks):
        marks = flags | (CHUNK_START if number == 0 else 0)
        if number == len(blocks) - 1:
            return chaining, block, counter, len(block), marks | CHUNK_END
        chaining = compress(chaining, block, counter, 64, marks)
    raise AssertionError


def to_bytes(chaining):
    return b"".join(word.to_bytes(4, "little") for word in chaining)


def tree(key, data, counter, flags):
    if len(data) <= 1024:
        return chunk_output(key, data, counter, flags)
    whole = (len(data) - 1) // 1024
    left = 1024 << (whole.bit_length() - 1)
    halves = (tree(key, data[:left], counter, flags), tree(key, data[left:], counter + left // 1024, flags))
    return list(key), b"".join(to_bytes(compress(*half)) for half in halves), 0, 64, flags | PARENT


def blake3(key, data, flags):
    chaining, block, counter, length, marks = tree(key, data, 0, flags)
    return to_bytes(compress(chaining, block, counter, length, marks | ROOT))


def derive(context, *parts):
    """Each part after its length; docs/spec/README.md, Notation."""
    key = words(blake3(IV, context.encode(), CONTEXT))
    return blake3(key, b"".join(len(part).to_bytes(8, "little") + part for part in parts), MATERIAL)


# --- Ed25519, strictly ------------------------------------------------------------------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point, scalar = add(point, point), scalar >> 1
    return result


def same(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def decompress(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    check(y < P, "a key that is not a valid point")
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    check((x * x - square) % P == 0 and not (x == 0 and sign), "a key that is not a valid point")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def base():
    return decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def verify(key, label, message, signature, what):
    """RFC 8032, 5.1.7, with points of small order refused."""
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    a, commitment = decompress(key), decompress(r)
    check(s < ORDER, what + ": the signature is wrong")
    for point in (a, commitment):
        check(not same(times(8, point), (0, 1, 1, 0)), what + ": a key of small order")
    signed = b"entente v1 " + label.encode() + b"\0" + message
    k = int.from_bytes(hashlib.sha512(r + key + signed).digest(), "little") % ORDER
    holds = same(times(s, base()), add(commitment, times(k, a)))
    check(holds, what + ": the signature is wrong")


# --- Records ------------------------------------------------------------------------------------------------------

SENSITIVITIES = ("own", "named", "partnership", "public")


def signed(value, what):
    value = array(value, 2, 2, what)
    check(isinstance(value[0], bytes), what + ": malformed")
    return value[0], exact(value[1], 64, what)


def introduction(value):
    """Who speaks: the organisation's card and its node's certificate, both signed by the root key."""
    card, certificate = array(value, 2, 2, "introduction")
    card, by_root = signed(card, "organisation card")
    org, name, _, country = array(decode(card), 4, 4, "organisation card")
    verify(exact(org, 32, "organisation"), "organisation", card, by_root, "organisation card")
    certificate, by_root = signed(certificate, "node certificate")
    verify(org, "node-certificate", certificate, by_root, "node certificate")
    of, node, _, _ = array(decode(certificate), 4, 4, "node certificate")
    check(of == org, "the node certificate is of another organisation")
    check(isinstance(name, str) and isinstance(country, str), "organisation card: malformed")
    return {"org": org, "node": exact(node, 32, "node"), "name": name, "country": country}


def commitment(disclosure):
    check(isinstance(disclosure, bytes), "a disclosure: malformed")
    return derive("entente v1 field commitment", disclosure)


def committed(disclosures, hashes, what):
    check(isinstance(disclosures, list) and isinstance(hashes, list), what + ": malformed")
    check(len(set(hashes)) == len(hashes), what + ": a commitment comes twice")
    found = [commitment(disclosure) for disclosure in disclosures]
    check(len(set(found)) == len(found) and set(found) <= set(hashes), what + " was added or changed")
    return found


def record(parts, author):
    """What the author signed: manifest, and the fields shown, each with its commitment."""
    manifest, context, fields, files = array(parts, 4, 4, "record")
    check(context is None, "a copy that left the partnership has no context")
    body, signature = signed(manifest, "record manifest")
    verify(author["node"], "record", body, signature, "record manifest")
    m = array(decode(body), 14, 14, "record manifest")
    check(m[2] == author["org"] and m[3] == author["node"], "the record was signed for another author")
    check(isinstance(m[7], int) and m[7] in range(4), "record manifest: malformed")
    shown = []
    for disclosure, found in zip(fields, committed(fields, m[12], "a field")):
        _, name, value = array(decode(disclosure), 3, 3, "field")
        check(isinstance(name, str), "field: malformed")
        shown.append((found, name, value))
    files = [(found, decode(d)[1]) for d, found in zip(files, committed(files, m[13], "an attachment"))]
    nonce = exact(m[4], 16, "nonce")
    return {
        "manifest": array_of_bytes(body, signature), "id": derive("entente v1 record id", m[2], nonce),
        "kind": m[1], "created": m[5], "sensitivity": SENSITIVITIES[m[7]], "shown": shown, "files": files,
        "fields": m[12], "attachments": m[13],
    }


def places(treated, shown, hashes, what):
    """Every commitment has one place, in the order of what is shown; what is shown was not treated."""
    check(isinstance(treated, list), what + ": malformed")
    shown, found, answer = list(shown), [], []
    for place in treated:
        hash_, is_shown, name, instead = array(place, 2, 4, what)
        found.append(hash_)
        here = bool(shown) and shown[0][0] == hash_
        check(here == is_shown and not (here and (name, instead) != (None, None)), what + " are not as redacted")
        if here:
            answer.append(("shown",) + tuple(shown.pop(0)[1:]))
        else:
            answer.append(("left out" if instead is None else "replaced", name, instead))
    check(not shown and sorted(found) == hashes, what + " are not as redacted")
    return answer


def whole(file):
    _, author, parts = array(file, 3, 3, "record file")
    author = introduction(author)
    said = record(parts, author)
    hidden = len(said["fields"]) - len(said["shown"])
    lines = [("shown", name, value) for _, name, value in said["shown"]]
    return author, said, lines + [("left out", None, None)] * hidden, None


def redacted(file):
    _, author, parts, redactor, redaction = array(file, 5, 5, "redacted record file")
    author, redactor = introduction(author), introduction(redactor)
    said = record(parts, author)
    body, signature = signed(redaction, "redaction")
    verify(redactor["node"], "redaction", body, signature, "redaction")
    of, org, node, when, fields, files, reason = array(decode(body), 6, 7, "redaction")
    check(org == redactor["org"] and node == redactor["node"], "redacted in the name of another")
    check(of == derive("entente v1 hash", said["manifest"]), "the redaction is of another record")
    lines = places(fields, said["shown"], said["fields"], "the fields")
    for state, _, _ in places(files, said["files"], said["attachments"], "the attachments"):
        check(state != "replaced", "the attachments are not as redacted")
    return author, said, lines, dict(redactor, when=when, reason=reason)


def verified(data):
    file = decode(data)
    check(isinstance(file, list) and file, "no record file")
    if file[0] == "entente record 1":
        return whole(file)
    check(file[0] == "entente redacted record 1", "not a record file of a known version")
    return redacted(file)


def outcome(data):
    try:
        return verified(data), None
    except (Wrong, TypeError, IndexError, ValueError, RecursionError) as error:
        return None, str(error) or type(error).__name__


def visible(text):
    """Text of others for a terminal: control characters are shown, never obeyed."""
    return "".join(c if c.isprintable() else "\\u%04x" % ord(c) for c in str(text))


def main(arguments):
    if arguments == ["--lines"]:
        for line in sys.stdin:
            _, why = outcome(bytes.fromhex(line.strip()))
            print("good" if why is None else "bad: " + visible(why), flush=True)
        return 0
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    with open(arguments[0], "rb") as file:
        result, why = outcome(file.read())
    if why is not None:
        print("It does not verify: " + visible(why))
        return 6
    author, said, lines, redactor = result
    print("It verifies.")
    print("  %s by %s (%s)" % (said["kind"], visible(author["name"]), visible(author["country"])))
    print("  organisation's key: " + author["org"].hex())
    if redactor:
        print("  redacted by %s (%s), key %s" % (
            visible(redactor["name"]), visible(redactor["country"]), redactor["org"].hex()))
        print("  why: " + visible(redactor["reason"] or "not said"))
    for state, name, value in lines:
        shown = "" if state == "left out" else json.dumps(value, ensure_ascii=False)
        mark = {"shown": "", "left out": "[left out]", "replaced": "[the redactor's words] "}[state]
        print("  %s: %s%s" % (visible(name or "(a field)"), mark, visible(shown)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
