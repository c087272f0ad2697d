"""The words and numbers that make a simulated world resemble a real shop."""

from typing import NamedTuple


class City(NamedTuple):
    """A city; `weight` is its relative number of customers, `prefix` that of its phone numbers."""

    name: str
    weight: float
    timezone: str
    latitude: float
    longitude: float
    prefix: str


CITIES = (
    City("Paris", 18, "Europe/Paris", 48.857, 2.352, "+33 1"),
    City("Berlin", 15, "Europe/Berlin", 52.520, 13.405, "+49 30"),
    City("Madrid", 13, "Europe/Madrid", 40.417, -3.704, "+34 91"),
    City("Rome", 10, "Europe/Rome", 41.903, 12.496, "+39 06"),
    City("Vienna", 9, "Europe/Vienna", 48.208, 16.373, "+43 1"),
    City("Munich", 8, "Europe/Berlin", 48.137, 11.575, "+49 89"),
    City("Lisbon", 7, "Europe/Lisbon", 38.722, -9.139, "+351 21"),
    City("Athens", 6, "Europe/Athens", 37.984, 23.728, "+30 21"),
    City("Dublin", 5, "Europe/Dublin", 53.350, -6.260, "+353 1"),
    City("Helsinki", 4, "Europe/Helsinki", 60.170, 24.938, "+358 9"),
    City("Porto", 3, "Europe/Lisbon", 41.158, -8.629, "+351 22"),
    City("Córdoba", 2, "Europe/Madrid", 37.888, -4.779, "+34 957"),
)


class Category(NamedTuple):
    """A category of products.

    `weight` is its share of purchases, `price` the median in the currency's unit, `margin` a share
    of the price; demand peaks on the `peak`-th day of the year with `amplitude` (of the logarithm).
    `kappa` says how contagious it is (about 1 on average). Of its purchases the share `refill` is
    bought again after about `every` days.
    """

    name: str
    weight: float
    price: float
    margin: float
    peak: int
    amplitude: float
    kappa: float
    refill: float
    every: int
    nouns: tuple[str, ...]
    sensitive: bool = False


CATEGORIES = (
    Category("groceries", 15, 4, 0.22, 355, 0.10, 0.6, 0.35, 14,
             ("Muesli 500 g", "Olive Oil, cold pressed", "Pasta", "Honey", "Coffee 1 kg")),
    Category("fashion", 10, 45, 0.50, 110, 0.20, 1.5, 0, 0,
             ("Shirt", "Dress", "Jacket", "Jeans", "Scarf", "Cardigan")),
    Category("electronics", 6, 140, 0.18, 335, 0.50, 1.5, 0, 0,
             ("Headphones", 'Monitor 27"', "Phone", "Speaker", "Camera", 'Tablet 11"')),
    Category("beauty", 8, 18, 0.45, 340, 0.20, 1.5, 0.30, 45,
             ("Face Cream", "Lipstick", "Shampoo", "Perfume 50 ml", "Sun Lotion")),
    Category("household", 8, 7, 0.30, 90, 0.10, 0.0, 0.35, 30,
             ("Detergent", "Sponges, set of 6", "Dish Tabs", "Light Bulb", "Bin Bags")),
    Category("drinks", 7, 8, 0.28, 195, 0.35, 1.2, 0, 0,
             ("Lemonade", "Red Wine", "Green Tea", "Pale Ale, 6 bottles", "Apple Juice")),
    Category("books", 7, 16, 0.38, 345, 0.50, 1.4, 0, 0,
             ("Novel", "Cookbook", "Atlas", "Thriller", "Biography")),
    Category("toys", 5, 25, 0.35, 345, 0.90, 1.3, 0, 0,
             ("Building Set", "Puzzle", "Plush Bear", "Race Track", "Doll")),
    Category("sports", 5, 50, 0.38, 160, 0.40, 1.3, 0, 0,
             ("Yoga Mat", "Racket", "Football", "Tent", "Cycling Helmet")),
    Category("games", 5, 45, 0.25, 345, 0.70, 1.5, 0, 0,
             ("Board Game", "Card Game", "Console Game", "Controller")),
    Category("pharmacy", 5, 12, 0.35, 25, 0.30, 0.0, 0.45, 30,
             ("Pain Relief", "Allergy Tablets", "Test Kit", "Sleep Aid", "Skin Ointment"), True),
    Category("pet care", 5, 15, 0.30, 30, 0.05, 0.7, 0.45, 28,
             ("Cat Food 2 kg", "Dog Food 5 kg", "Leash", "Litter", "Bird Seed")),
    Category("shoes", 5, 75, 0.45, 100, 0.25, 1.3, 0, 0,
             ("Sneaker", "Boot", "Sandal", "Running Shoe", "Loafer")),
    Category("baby", 4, 20, 0.28, 60, 0.05, 1.1, 0.35, 21,
             ("Nappies, 60 pieces", "Baby Food", "Bottle", "Romper", "Stroller")),
    Category("garden", 3, 30, 0.35, 130, 1.00, 0.9, 0, 0,
             ("Planter", "Hose 20 m", "Garden Chair", "Seeds", "Pruner")),
    Category("furniture", 2, 220, 0.40, 270, 0.15, 0.0, 0, 0,
             ("Bookcase", "Desk", "Armchair", "Floor Lamp", "Bed Frame")),
)  # fmt: skip

DEPARTMENT_STORE = "department store"
"""The category of stores that sell everything."""


class LifeEvent(NamedTuple):
    """A change of life: how many adults a year have it, at which ages, and what they then buy.

    For `days` after it, `category` is bought `factor` times as often.
    """

    kind: str
    rate: float
    ages: tuple[int, int]
    category: str
    factor: float
    days: int


LIFE_EVENTS = (
    LifeEvent("moved", 0.030, (18, 85), "furniture", 6.0, 90),
    LifeEvent("wedding", 0.012, (20, 60), "fashion", 3.0, 60),
    LifeEvent("birth", 0.025, (20, 45), "baby", 8.0, 365),
    LifeEvent("new_job", 0.040, (18, 65), "shoes", 3.0, 60),
)

PROGRAMS = ("club", "gold card", "student")
PURPOSES = {"social_use": 0.75, "named_use": 0.25, "email": 0.65, "sms": 0.35, "push": 0.45}
"""The purposes of consent, and the share of customers who grant each."""
CHANNELS = ("email", "sms", "push")
"""The channels among `PURPOSES`."""

FIRST_NAMES = (
    "Ada", "Aino", "Alba", "Alexis", "Amélie", "Andrea", "Anton", "Aoife", "Beatriz", "Bruno",
    "Camille", "Carlos", "Chiara", "Clara", "Conor", "Daniel", "Diego", "Eero", "Elena", "Elias",
    "Emil", "Emma", "Eva", "Felix", "Filipa", "Finn", "Giulia", "Hanna", "Helena", "Hugo", "Ida",
    "Inês", "Irene", "Jakob", "Jan", "João", "Jonas", "Julia", "Kostas", "Lara", "Laura", "Lea",
    "Leo", "Louis", "Lucía", "Luca", "Manon", "Maria", "Marta", "Matteo", "Mia", "Nadia", "Nikos",
    "Nina", "Noah", "Olga", "Oscar", "Paula", "Pedro", "Petra", "René", "Rosa", "Ruth", "Saoirse",
    "Sofia", "Stefan", "Teresa", "Theo", "Tiago", "Vera", "Yannis", "Zoë",
)  # fmt: skip
LAST_NAMES = (
    "Adler", "Almeida", "Bauer", "Becker", "Bernard", "Bianchi", "Brandt", "Byrne", "Castro",
    "Conti", "Costa", "Delgado", "Dubois", "Duarte", "Durand", "Ferrari", "Fischer", "Fontaine",
    "Fuchs", "García", "Gruber", "Haas", "Herrera", "Huber", "Jansen", "Keller", "Kelly",
    "Korhonen", "Lambert", "Lang", "Laurent", "Leroy", "Lindqvist", "Lopes", "Mäkinen",
    "Marino", "Martín",
    "Mayer", "Mendes", "Moreau", "Moreno", "Murphy", "Navarro", "Nieminen", "Nolan", "O'Brien",
    "Ortega", "Papadakis", "Pereira", "Petit", "Pichler", "Ramos", "Reis", "Ricci", "Rousseau",
    "Ruiz", "Santos", "Schmid", "Schubert", "Silva", "Stavros", "Steiner", "Vidal", "Virtanen",
    "Vogel", "Wagner", "Walsh", "Weber", "Winter", "Wolf", "Zimmer",
)  # fmt: skip
BRAND_STARTS = (
    "Vel", "Nor", "Kas", "Lum", "Tri", "Bel", "Zan", "Mor", "Fen", "Ard", "Sol", "Pel", "Quin",
    "Ros", "Hav", "Dor", "Ster", "Gal", "Cal", "Mir", "Tal", "Oris", "Alv", "Bran", "Cor", "Ebel",
    "Fal", "Gren", "Hel", "Ild", "Jor", "Kel", "Lor", "Mal", "Nev", "Olm", "Per", "Rav", "Sil",
    "Tor",
)  # fmt: skip
BRAND_ENDS = (
    "ora", "tek", "ina", "ano", "isk", "eva", "on", "ura", "ell", "ix", "amo", "ette", "ia", "ado",
    "um", "wick", "by", "holm", "ley", "mark", "vana", "zio", "ette & Co", "brook", "field", "line",
    "nest", "craft", "works", "way",
)  # fmt: skip
ADJECTIVES = (
    "Classic", "Bright", "Pure", "Bold", "Soft", "Prime", "Urban", "Nordic", "Golden", "Smart",
    "Fresh", "Silent", "Royal", "Simple", "Wild", "Mini", "Grand", "Velvet", "Amber", "Alpine",
)  # fmt: skip
DISTRICTS = (
    "Central", "North", "Station", "Old Town", "Riverside", "East", "Market Square", "West",
    "University", "Harbour", "South", "Airport", "Park", "Exhibition Centre",
)  # fmt: skip
