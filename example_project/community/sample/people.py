"""People: login, first name, last name, and their own description."""

PEOPLE = [
    ("thoas", "Théo", "Abitbol", "Follows everything that can be followed."),
    ("newbie", "Hélène", "Marchand", "New here. What is everybody working on?"),
    ("amara", "Amara", "Okafor", "Maps, tides, and the small databases that hold them."),
    ("bjorn", "Björn", "Lindqvist", "Keeps old synthesizers in tune with new software."),
    ("carmen", "Carmen", "Ruiz", "Type designer. I draw letters, and write the code that spaces them."),
    ("dmitri", "Dmitri", "Sokolov", "Distributed systems by day, sourdough by night."),
    ("elif", "Elif", "Yilmaz", "Accessibility is a feature that everybody uses sooner or later."),
    ("farid", "Farid", "Haddad", "Weather nerd."),
    ("grace", "Grace", "Mwangi", "I teach ten-year-olds to program. They teach me the rest."),
    ("hiro", "Hiroshi", "Tanaka", "Bicycles, parsers, coffee."),
    ("ines", "Inês", "Carvalho", "Open data for the city of Porto."),
    ("jonas", "Jonas", "Weber", ""),
    ("kavya", "Kavya", "Raman", "Compiler person. Likes her errors with a remedy."),
    ("liam", "Liam", "Gallagher-Byrne", "Not that one."),
    ("mei", "Mei", "Chen", "Botanist with a terminal."),
    ("noor", "Noor", "Rahimi", "Photographs of bridges."),
    ("oskar", "Oskar", "Nowak", "Chess, badly. Emacs, worse."),
    ("paula", "Paula", "Ferreira", "Runs a very small radio station."),
    ("quentin", "Quentin", "Dubois", "Cheese, bread, and the protocol between them."),
    ("rosa", "Rosa", "Bianchi", "Knits by algorithm."),
    ("sanjay", "Sanjay", "Patel", ""),
    ("tove", "Tove", "Halvorsen", "Measures snow."),
    ("umar", "Umar", "Farooqi", "Calligraphy and regular expressions."),
    ("wanda", "Wanda", "Kowalska", "Reads changelogs for pleasure."),
]

#: The people that the demo user follows, besides some projects.
FOLLOWED_BY_DEMO = ["thoas", "amara", "bjorn", "carmen", "ines", "kavya", "mei", "paula"]
FOLLOWERS_OF_DEMO = ["newbie", "thoas", "mei"]
