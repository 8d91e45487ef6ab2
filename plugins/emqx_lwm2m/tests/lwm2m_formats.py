"""The formats of LwM2M payloads: TLV, SenML JSON and CBOR, LwM2M JSON, from the tables of the
specifications [LwM2M 1.0 6.4.3, RFC 8428, RFC 8949]. What is in between is a list of leaves:
(path, type, value); types are those of object files, values are Python's (opaque: bytes, link:
'66:1')."""
import base64
import json
import struct

from lwm2m_wire import JSON, SENML_CBOR, SENML_JSON, TLV

INSTANCE, RESOURCE_INSTANCE, MULTIPLE, RESOURCE = range(4)


# ---- TLV
def entry(kind, number, value):
    """One entry; value: octets, or those of the entries within."""
    size = len(value)
    first = kind << 6 | (number > 255) << 5
    head = number.to_bytes(2 if number > 255 else 1, 'big')
    if size < 8:
        return bytes([first | size]) + head + value
    width = 1 if size < 1 << 8 else 2 if size < 1 << 16 else 3
    return bytes([first | width << 3]) + head + size.to_bytes(width, 'big') + value


def entries(data):
    """[(kind, id, octets, or the list within)]."""
    out, at = [], 0
    while at < len(data):
        first = data[at]
        wide = 2 if first & 0x20 else 1
        width = first >> 3 & 3
        number = int.from_bytes(data[at + 1:at + 1 + wide], 'big')
        at += 1 + wide
        size = int.from_bytes(data[at:at + width], 'big') if width else first & 7
        at += width
        if at + size > len(data):
            raise ValueError('TLV: longer than what is there')
        value = data[at:at + size]
        at += size
        kind = first >> 6
        out.append((kind, number, entries(value) if kind in (INSTANCE, MULTIPLE) else value))
    return out


def integer(value):
    for width in (1, 2, 4, 8):
        if -(1 << 8 * width - 1) <= value < 1 << 8 * width - 1:
            return value.to_bytes(width, 'big', signed=True)
    raise ValueError(value)


def to_octets(kind, value):
    """A value in TLV."""
    if kind in ('Integer', 'Time'):
        return integer(value)
    if kind == 'Unsigned Integer':
        return value.to_bytes(next(w for w in (1, 2, 4, 8) if value < 1 << 8 * w), 'big')
    if kind == 'Float':
        return struct.pack('>d', value)
    if kind == 'Boolean':
        return bytes([value])
    if kind == 'Objlnk':
        return b''.join(int(part).to_bytes(2, 'big') for part in value.split(':'))
    return value.encode() if isinstance(value, str) else bytes(value)


def from_octets(kind, data):
    if kind in ('Integer', 'Time'):
        return int.from_bytes(data, 'big', signed=True)
    if kind == 'Unsigned Integer':
        return int.from_bytes(data, 'big')
    if kind == 'Float':
        return struct.unpack({4: '>f', 8: '>d'}[len(data)], data)[0]
    if kind == 'Boolean':
        return {b'\0': False, b'\1': True}[data]
    if kind == 'Objlnk':
        return f'{int.from_bytes(data[:2], "big")}:{int.from_bytes(data[2:4], "big")}'
    return data.decode() if kind in ('String', 'Corelnk') else data


def numbers(path):
    return [int(one) for one in path.strip('/').split('/') if one]


def pack_tlv(leaves, depth):
    """depth: of the path asked for, 1 (an object) to 4; what is above it is left out."""
    def within(group, level):
        out = b''
        children = {}
        for path, kind, value in group:
            children.setdefault(path[level], []).append((path, kind, value))
        for number, members in children.items():
            path, kind, value = members[0]
            if len(path) == level + 1:  # a leaf
                shape = RESOURCE_INSTANCE if level == 3 else RESOURCE
                out += entry(shape, number, to_octets(kind, value))
            else:
                kind = INSTANCE if level == 1 else MULTIPLE
                out += entry(kind, number, within(members, level + 1))
        return out
    group = [(numbers(path), kind, value) for path, kind, value in leaves]
    return within(group, {1: 1, 2: 2, 3: 2, 4: 2}[depth])


def unpack_tlv(data, base, kind_of):
    """Leaves; base: the path of the request; kind_of(numbers): the type of a resource."""
    out = []

    def walk(found, prefix):
        for kind, number, value in found:
            path = prefix + [number]
            if isinstance(value, list):
                walk(value, path)
            else:
                what = kind_of(path)
                out.append(('/' + '/'.join(map(str, path)), what, from_octets(what, value)))
    found = entries(data)
    start = numbers(base)
    if len(start) > 2:
        start = start[:3] if found and found[0][0] == RESOURCE_INSTANCE else start[:2]
    elif len(start) == 2 and found and found[0][0] == INSTANCE:
        start = start[:1]
    walk(found, start)
    return out


# ---- SenML
def record(kind, value, opaque):
    """The value fields of a SenML record, by their names in JSON."""
    if kind in ('Integer', 'Time', 'Float', 'Unsigned Integer'):
        return {'v': value}
    if kind == 'Boolean':
        return {'vb': value}
    if kind == 'Objlnk':
        return {'vlo': value}
    if kind == 'Opaque':
        return {'vd': opaque(value)}
    return {'vs': value}


def unpadded(value):
    return base64.urlsafe_b64encode(value).rstrip(b'=').decode()


def pack_senml_json(leaves):
    return json.dumps([{'n': path, **record(kind, value, unpadded)}
                       for path, kind, value in leaves], separators=(',', ':')).encode()


LABELS = {'bn': -2, 'bt': -3, 'n': 0, 'v': 2, 'vs': 3, 'vb': 4, 't': 6, 'vd': 8, 'vlo': 'vlo'}
FIELDS = {label: field for field, label in LABELS.items()}


def pack_senml_cbor(leaves):
    return cbor([{LABELS[field]: field_value for field, field_value in
                  {'n': path, **record(kind, value, bytes)}.items()}
                 for path, kind, value in leaves])


def senml(records):
    """Leaves (path, field, value) of resolved records; the field is 'v', 'vs', ... or None."""
    base, out = '', []
    for one in records:
        base = one.get('bn', base)
        field = next((field for field in ('v', 'vs', 'vb', 'vd', 'vlo') if field in one), None)
        out.append((base + one.get('n', ''), field, one.get(field)))
    return out


def unpack_senml_json(data):
    out = []
    for path, field, value in senml(json.loads(data)):
        if field == 'vd':
            value = base64.urlsafe_b64decode(value + '=' * (-len(value) % 4))
        out.append((path, field, value))
    return out


def unpack_senml_cbor(data):
    return senml([{FIELDS[key]: value for key, value in one.items()} for one in uncbor(data)])


# ---- CBOR, as much as SenML takes
def head(major, value):
    if value < 24:
        return bytes([major << 5 | value])
    width = next(w for w in (1, 2, 4, 8) if value < 1 << 8 * w)
    return bytes([major << 5 | {1: 24, 2: 25, 4: 26, 8: 27}[width]]) + value.to_bytes(width, 'big')


def cbor(value):
    if value is None or isinstance(value, bool):
        return {None: b'\xf6', False: b'\xf4', True: b'\xf5'}[value]
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, float):
        return b'\xfb' + struct.pack('>d', value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, dict):
        return head(5, len(value)) + b''.join(cbor(k) + cbor(v) for k, v in value.items())
    return head(4, len(value)) + b''.join(map(cbor, value))


def uncbor(data):
    value, rest = uncbor_one(data)
    if rest:
        raise ValueError('CBOR: something behind the end')
    return value


def uncbor_one(data):
    major, info, data = data[0] >> 5, data[0] & 31, data[1:]
    width = {24: 1, 25: 2, 26: 4, 27: 8}.get(info, 0)
    number = int.from_bytes(data[:width], 'big') if width else info
    raw, data = data[:width], data[width:]
    if major == 0:
        return number, data
    if major == 1:
        return -1 - number, data
    if major in (2, 3):
        text = data[:number]
        return (text if major == 2 else text.decode()), data[number:]
    if major == 4:
        out = []
        for _ in range(number):
            one, data = uncbor_one(data)
            out.append(one)
        return out, data
    if major == 5:
        out = {}
        for _ in range(number):
            key, data = uncbor_one(data)
            out[key], data = uncbor_one(data)
        return out, data
    if major == 7 and width:
        return struct.unpack({2: '>e', 4: '>f', 8: '>d'}[width], raw)[0], data
    return {20: False, 21: True, 22: None}[info], data


# ---- LwM2M JSON
def pack_json(leaves, base):
    def fields(kind, value):
        if kind == 'Opaque':
            return {'sv': base64.b64encode(value).decode()}
        return {{'v': 'v', 'vb': 'bv', 'vs': 'sv', 'vlo': 'ov'}[field]: one
                for field, one in record(kind, value, bytes).items()}
    if [path for path, _, _ in leaves] == [base]:
        return json.dumps({'bn': base, 'e': [fields(*leaves[0][1:])]}).encode()
    return json.dumps({'bn': base + '/', 'e': [{'n': path[len(base) + 1:], **fields(kind, value)}
                                               for path, kind, value in leaves]}).encode()


def unpack_json(data):
    whole = json.loads(data)
    return [(whole.get('bn', '') + one.get('n', ''), field, one[field])
            for one in whole['e'] for field in ('v', 'bv', 'sv', 'ov') if field in one]


# ---- text
def to_text(kind, value):
    if kind == 'Boolean':
        return b'1' if value else b'0'
    if kind == 'Opaque':
        return base64.b64encode(value)
    return str(value).encode()


def from_text(kind, data):
    if kind in ('Integer', 'Time', 'Unsigned Integer'):
        return int(data)
    if kind == 'Float':
        return float(data)
    if kind == 'Boolean':
        return {b'0': False, b'1': True}[data]
    return base64.b64decode(data) if kind == 'Opaque' else data.decode()


def pack(format, leaves, base):
    """Leaves below the path `base` in a format with hierarchy."""
    if format == TLV:
        return pack_tlv(leaves, len(numbers(base)))
    if format == SENML_JSON:
        return pack_senml_json(leaves)
    if format == SENML_CBOR:
        return pack_senml_cbor(leaves)
    if format == JSON:
        return pack_json(leaves, base)
    raise ValueError(format)
