"""Projects: owner, name, description, and releases, oldest first."""

PROJECTS = [
    ("thoas", "La classe americaine", "The best film that was never shot.", [("1.0", "Il est fort ce George.")]),
    (
        "amara",
        "Tidewater",
        "Tide tables for every harbour, without a network.",
        [("2.3", "The harbours of West Africa are in."), ("2.4", "Half the size on disk, and twice as fast to open.")],
    ),
    ("bjorn", "Patchbay", "Librarian for the sounds of old synthesizers.", [("0.9", "Reads the DX7 at last.")]),
    (
        "carmen",
        "Kerning Club",
        "Spacing for typefaces, with a preview that tells the truth.",
        [("3.0", "Variable fonts, all axes at once."), ("3.0.1", "The letter ß is back. Sorry, Jonas.")],
    ),
    ("elif", "Contrast", "Checks the colours of a page, in both modes.", [("1.6", "It knows color-mix() now.")]),
    ("farid", "Barograph", "A weather station for a window sill.", [("4.1", "Survives a power cut without a gap.")]),
    ("grace", "Turtle School", "Thirty lessons, one turtle.", [("12", "Lesson 17: the turtle learns to wait.")]),
    ("hiro", "Spoke", "A parser for the files of every bicycle computer.", [("0.4", "Reads files that are cut off.")]),
    ("ines", "Porto Aberto", "What the city knows about itself, in tables.", []),
    (
        "kavya",
        "Lucid",
        "A compiler that explains itself.",
        [("0.20", "Errors name what to do, not only what is wrong.")],
    ),
    ("mei", "Herbarium", "A field notebook that knows the names of plants.", [("1.2", "Ferns!")]),
    ("paula", "Night Frequency", "Radio automation for stations of one.", [("5", "Silence is detected, and filled.")]),
    ("tove", "Snowline", "How deep it is, and since when.", [("2026.11", "The stations of the new winter.")]),
    ("wanda", "Since", "Tells what has changed between two versions, in sentences.", [("0.3", "")]),
]
