#!/usr/bin/env python3
"""Builds the fonts of the window, and README.md with what they cover, from the fonts' own releases.

    assets/fonts/build.py           (npm, apt-get on Debian, and the Python packages fonttools and brotli)

Inter gets tabular figures as its ordinary ones, and leaves shapes to the symbols, so that all conditions have one
size. JetBrains Mono loses its ligatures: a key or a repr shows the characters that it has.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile

from fontTools import subset
from fontTools.ttLib import TTFont

HERE = pathlib.Path(__file__).resolve().parent
INTER = "inter-ui@4.1.1"
# Debian has JetBrains Mono whole but not the text of its licence; this has the licence, and the font in pieces.
JETBRAINS_LICENCE = "@fontsource/jetbrains-mono@5.3.0"
DEBIAN = ["fonts-jetbrains-mono", "fonts-dejavu-core"]

TEXT = [(0x20, 0x7E), (0xA0, 0x17F), (0x2C6, 0x2DD), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x4FF), (0x1E9E, 0x1E9E)]
TEXT += [(0x2000, 0x206F), (0x2070, 0x209F), (0x20A0, 0x20C0), (0x2100, 0x214F), (0x2190, 0x2199), (0x2200, 0x22FF)]
TEXT += [(0xFFFD, 0xFFFD)]
BOXES = [(0x2500, 0x25FF)]
# Arrows, operators, technical signs, blocks, shapes, ticks and crosses.
SYMBOLS = [(0x2190, 0x21FF), (0x2200, 0x22FF), (0x2300, 0x2328), (0x232B, 0x232B), (0x23CE, 0x23CF), (0x2500, 0x25FF)]
SYMBOLS += [(0x2600, 0x2606), (0x2610, 0x2612), (0x2630, 0x2630), (0x2699, 0x26A0), (0x2701, 0x2704), (0x2713, 0x2718)]
SYMBOLS += [(0x271A, 0x271A), (0x27F3, 0x27F3), (0x2139, 0x2139)]
# What the window draws by name; the build fails if none of the three has one of them.
NEEDED = "●◷≠∅◐○✕▲·▾▸▴◂▼▶…×›‹⟳→←↑↓✓✗⌘⇧⌥⌃⏎⌫↵⇥−≤≥≈∞µ±–—“”‘’•⚠ℹ⋯⋮☰⚙★☆☐☑■□▌█─│└├"


def main():
    with tempfile.TemporaryDirectory() as folder:
        sources = fetch(pathlib.Path(folder))
        made = [
            build(sources["Inter-Regular"], "Inter-Regular.ttf", TEXT, tabular=True),
            build(sources["Inter-SemiBold"], "Inter-SemiBold.ttf", TEXT, tabular=True),
            build(sources["JetBrainsMono-Regular"], "JetBrainsMono-Regular.ttf", TEXT + BOXES),
            build(sources["DejaVuSans"], "CachescopeSymbols.ttf", SYMBOLS, family="Cachescope Symbols"),
        ]
    covered = set().union(*(path_cmap(path) for path in made))
    missing = [char for char in NEEDED if ord(char) not in covered]
    if missing:
        raise SystemExit("no glyph for " + " ".join(missing))
    (HERE / "README.md").write_text(readme(made), encoding="utf-8")
    print(sum(path.stat().st_size for path in made), "bytes in all")


def fetch(folder):
    """The fonts as their packages hold them; their licences are copied beside this file."""
    for package in (INTER, JETBRAINS_LICENCE):
        name = package.rsplit("@", 1)[0].lstrip("@").replace("/", "-")
        subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (archive,) = folder.glob(name + "-*.tgz")
        (folder / name).mkdir()
        subprocess.run(["tar", "xzf", archive, "-C", name], cwd=folder, check=True)
    subprocess.run(["apt-get", "download", "-qq", *DEBIAN], cwd=folder, check=True, stderr=subprocess.DEVNULL)
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
    shutil.copy(folder / "inter-ui/package/LICENSE.txt", HERE / "Inter-LICENSE.txt")
    shutil.copy(folder / "fontsource-jetbrains-mono/package/LICENSE", HERE / "JetBrainsMono-LICENSE.txt")
    shutil.copy(folder / "usr/share/doc" / DEBIAN[1] / "copyright", HERE / "CachescopeSymbols-LICENSE.txt")
    truetype = folder / "usr/share/fonts/truetype"
    return {
        "Inter-Regular": folder / "inter-ui/package/web/Inter-Regular.woff2",
        "Inter-SemiBold": folder / "inter-ui/package/web/Inter-SemiBold.woff2",
        "JetBrainsMono-Regular": truetype / "jetbrains-mono/JetBrainsMono-Regular.ttf",
        "DejaVuSans": truetype / "dejavu/DejaVuSans.ttf",
    }


def build(source, name, ranges, tabular=False, family=None):
    font = TTFont(source)
    if tabular:
        freeze_tabular_digits(font)
    if family:
        rename(font, family)
    options = subset.Options()
    # No ligatures and no contextual forms: what is stored is what is seen.
    options.layout_features = ["kern", "mark", "mkmk", "ccmp", "locl"]
    options.hinting = False
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.notdef_outline = True
    options.drop_tables += ["FFTM", "DSIG", "MATH", "GlyphOrder"]
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=[code for first, last in ranges for code in range(first, last + 1)])
    subsetter.subset(font)
    font.flavor = None
    path = HERE / name
    # Otherwise the file would differ at every build.
    font["head"].modified = font["head"].created
    font.recalcTimestamp = False
    font.save(path)
    return path


def freeze_tabular_digits(font):
    """Makes the tabular forms of 0 to 9 the ordinary ones; points and commas keep their own width."""
    table = font["GSUB"].table
    lookups = {n for record in table.FeatureList.FeatureRecord if record.FeatureTag == "tnum" for n in record.Feature.LookupListIndex}
    tabular = {}
    for n in lookups:
        for part in table.LookupList.Lookup[n].SubTable:
            tabular.update(getattr(part, "ExtSubTable", part).mapping)
    for cmap in font["cmap"].tables:
        for digit in range(0x30, 0x3A):
            if digit in cmap.cmap:
                cmap.cmap[digit] = tabular.get(cmap.cmap[digit], cmap.cmap[digit])
    widths = {font["hmtx"][font.getBestCmap()[digit]][0] for digit in range(0x30, 0x3A)}
    assert len(widths) == 1, widths


def rename(font, family):
    for record in font["name"].names:
        text = {1: family, 3: family, 4: family, 6: family.replace(" ", ""), 16: family}.get(record.nameID)
        if text:
            font["name"].setName(text, record.nameID, record.platformID, record.platEncID, record.langID)


def path_cmap(path):
    return set(TTFont(path).getBestCmap())


def readme(made):
    lines = ["# Fonts of the window", "", "Made by `build.py` from `%s` (npm) and Debian's `%s` and `%s`." % (INTER, *DEBIAN)]
    lines += ["Inter has tabular figures as its ordinary ones; no font here has ligatures.", ""]
    lines += ["| file | version | bytes | characters | licence |", "|---|---|---|---|---|"]
    licences = {"Inter": "SIL OFL 1.1", "JetBrainsMono": "SIL OFL 1.1", "CachescopeSymbols": "DejaVu (Bitstream Vera)"}
    for path in made:
        version = TTFont(path)["name"].getDebugName(5).removeprefix("Version ").split(";")[0]
        stem = path.stem.split("-")[0]
        row = (path.name, version, path.stat().st_size, len(path_cmap(path)), licences[stem], stem)
        lines.append("| `%s` | %s | %d | %d | %s, `%s-LICENSE.txt` |" % row)
    lines += ["", "Symbols that the window draws, and who has them (Inter falls back to the symbols):", ""]
    lines += ["| character | " + " | ".join(path.stem for path in made[::2] + made[3:]) + " |", "|---|---|---|---|"]
    cmaps = [path_cmap(path) for path in made[::2] + made[3:]]
    for char in NEEDED:
        marks = " | ".join("yes" if ord(char) in cmap else "" for cmap in cmaps)
        lines.append("| %s U+%04X | %s |" % (char, ord(char), marks))
    lines += ["", "Characters by block:", ""]
    blocks = [("Latin", 0x20, 0x24F), ("Greek", 0x370, 0x3FF), ("Cyrillic", 0x400, 0x4FF), ("punctuation", 0x2000, 0x206F)]
    blocks += [("arrows", 0x2190, 0x21FF), ("operators", 0x2200, 0x22FF), ("boxes and shapes", 0x2500, 0x25FF)]
    for name, first, last in blocks:
        counts = [len([code for code in cmap if first <= code <= last]) for cmap in cmaps]
        lines.append("- %s: Inter %d, JetBrains Mono %d, symbols %d" % (name, *counts))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    os.environ.setdefault("SOURCE_DATE_EPOCH", "1767225600")
    main()
