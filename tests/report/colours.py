"""How far apart two colours are, for those who see all of them and for those who do not: CIEDE2000 of sRGB, with the
matrices of Machado, Oliveira and Fernandes (2009) for who lacks one kind of cones."""

import math

SIGHTS = {
    "all": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": ((.152286, 1.052583, -.204868), (.114503, .786281, .099216), (-.003882, -.048116, 1.051998)),
    "no green": ((.367322, .860646, -.227968), (.280085, .672501, .047413), (-.011820, .042940, .968881)),
    "no blue": ((1.255528, -.076749, -.178779), (-.078411, .930809, .147602), (.004733, .691367, .303900)),
}


def linear(rgb):
    parts = [value / 255 for value in rgb]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def lab(rgb, sight):
    """CIE L*a*b* of a colour as somebody sees it."""
    r, g, b = (min(1, max(0, sum(map(float.__mul__, map(float, row), linear(rgb))))) for row in SIGHTS[sight])

    def root(value):
        return value ** (1 / 3) if value > 0.008856 else 7.787 * value + 16 / 116

    x = root((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047)
    y = root(0.2126 * r + 0.7152 * g + 0.0722 * b)
    z = root((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def distance(one, other, sight="all"):
    """CIEDE2000: below 1 nobody sees a difference, from 10 on it is plain."""
    l1, a1, b1 = lab(one, sight)
    l2, a2, b2 = lab(other, sight)
    mean7 = ((math.hypot(a1, b1) + math.hypot(a2, b2)) / 2) ** 7
    more = 1.5 - 0.5 * math.sqrt(mean7 / (mean7 + 25 ** 7))
    c1, c2 = math.hypot(a1 * more, b1), math.hypot(a2 * more, b2)
    h1, h2 = (math.degrees(math.atan2(b, a * more)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = (h2 - h1 + 180) % 360 - 180 if c1 * c2 else 0
    hue, chroma = (h1 + turn / 2) % 360, (c1 + c2) / 2

    def cosine(degrees):
        return math.cos(math.radians(degrees))

    t = 1 - .17 * cosine(hue - 30) + .24 * cosine(2 * hue) + .32 * cosine(3 * hue + 6) - .2 * cosine(4 * hue - 63)
    light = ((l1 + l2) / 2 - 50) ** 2
    dl = (l2 - l1) / (1 + .015 * light / math.sqrt(20 + light))
    dc = (c2 - c1) / (1 + .045 * chroma)
    dh = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2)) / (1 + .015 * chroma * t)
    rotation = -2 * math.sqrt(chroma ** 7 / (chroma ** 7 + 25 ** 7)) * math.sin(
        math.radians(60 * math.exp(-((hue - 275) / 25) ** 2)))
    return math.sqrt(dl ** 2 + dc ** 2 + dh ** 2 + rotation * dc * dh)
