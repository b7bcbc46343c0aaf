"""Words of the HR data set."""

FIRST_NAMES = {
    "f": ("Anna", "Berta", "Chloé", "Dilek", "Elena", "Fatima", "Greta", "Hanna", "Ines", "Jana", "Katarína", "Lena",
          "Maria", "Nora", "Olga", "Paula", "Renate", "Sofia", "Teresa", "Ursula", "Vera", "Wiebke", "Yasmin", "Zoë"),
    "m": ("Adam", "Björn", "Carlos", "David", "Emil", "Felix", "Georg", "Hakan", "Ivan", "Jonas", "Karl", "Luca",
          "Marek", "Niels", "Oskar", "Pavel", "René", "Stefan", "Tomás", "Uwe", "Viktor", "Walter", "Yusuf", "Zdeněk"),
}  # fmt: skip
LAST_NAMES = (
    "Adler", "Bauer", "Çelik", "Dietrich", "Ebert", "Fischer", "García", "Hoffmann", "Ivanova", "Jansen", "Krüger",
    "Lehmann", "Müller", "Novák", "O'Brien", "Peters", "Quandt", "Richter", "Schmidt", "Thomas", "Ulrich", "Vogel",
    "Weber", "Şahin", "Zimmermann", "Brandt", "Castro", "Dubois", "Engel", "Frank", "Groß", "Huber", "Keller",
    "Lang", "Meier", "Neumann", "Otto", "Pohl", "Roth", "Sauer", "Tan", "Voß", "Wolf", "Nguyen", "Kowalska", "Rossi",
)  # fmt: skip
PLACES = (  # country, city, postcode, share, what people earn there
    ("DE", "Berlin", "10115", 0.30, 1.00),
    ("DE", "Dresden", "01067", 0.22, 0.88),
    ("DE", "München", "80331", 0.18, 1.15),
    ("AT", "Wien", "1010", 0.14, 1.02),
    ("CZ", "Brno", "602 00", 0.16, 0.62),
)
DEPARTMENTS = (  # name, place, people's share
    ("Executive Board", "Berlin", 0.02),
    ("Engineering", "Berlin", 0.24),
    ("Product", "Berlin", 0.07),
    ("Data Platform", "München", 0.10),
    ("Sales", "München", 0.15),
    ("Marketing", "Wien", 0.07),
    ("Customer Support", "Dresden", 0.14),
    ("Finance", "Berlin", 0.06),
    ("Human Resources", "Berlin", 0.04),
    ("Legal", "Berlin", 0.02),
    ("Operations", "Brno", 0.08),
    ("Security", "Wien", 0.01),
)
TITLES = (  # title, department, level
    ("Chief Executive", 1, 6),
    ("Chief Engineer", 1, 6),
    ("Junior Engineer", 2, 1),
    ("Engineer", 2, 2),
    ("Senior Engineer", 2, 3),
    ("Engineering Manager", 2, 5),
    ("Product Manager", 3, 3),
    ("Head of Product", 3, 5),
    ("Data Engineer", 4, 2),
    ("Data Scientist", 4, 3),
    ("Head of Data", 4, 5),
    ("Sales Assistant", 5, 1),
    ("Account Executive", 5, 2),
    ("Key Account Manager", 5, 3),
    ("Sales Director", 5, 5),
    ("Content Editor", 6, 2),
    ("Marketing Lead", 6, 4),
    ("Support Agent", 7, 1),
    ("Support Engineer", 7, 2),
    ("Support Lead", 7, 4),
    ("Accountant", 8, 2),
    ("Finance Director", 8, 5),
    ("Recruiter", 9, 2),
    ("HR Director", 9, 5),
    ("Counsel", 10, 4),
    ("Operations Clerk", 11, 1),
    ("Operations Lead", 11, 4),
    ("Security Officer", 12, 4),
)
SKILLS = {
    "language": ("English", "German", "Czech", "French", "Spanish", "Turkish"),
    "programming": ("Python", "Java", "SQL", "TypeScript", "C++", "Go", "Rust", "Bash", "R", "Kotlin"),
    "platform": ("Linux", "Kubernetes", "PostgreSQL", "Snowflake", "AWS", "Azure", "Kafka", "Dagster"),
    "business": ("Negotiation", "Accounting", "Forecasting", "Copywriting", "Contract law", "Payroll", "Procurement"),
    "leadership": ("Coaching", "Hiring", "Budgeting", "Mediation", "Public speaking", "Planning"),
    "safety": ("First aid", "Fire warden", "Data protection"),
}
COURSES = (  # title, category, provider, hours, price, mandatory
    ("Data protection basics", "compliance", "In-house", 2, "0.00", True),
    ("Safety at work", "compliance", "In-house", 3, "0.00", True),
    ("Anti-corruption", "compliance", "Lex GmbH", 2, "45.00", True),
    ("Python for beginners", "technical", "Codeschule", 24, "890.00", False),
    ("Advanced Python", "technical", "Codeschule", 24, "1190.00", False),
    ("SQL in depth", "technical", "Codeschule", 16, "790.00", False),
    ("Kubernetes in practice", "technical", "CloudWorks", 32, "1890.00", False),
    ("Secure coding", "technical", "CloudWorks", 16, "1290.00", False),
    ("Statistics refresher", "technical", "Uni Extern", 20, "650.00", False),
    ("Machine learning", "technical", "Uni Extern", 40, "2100.00", False),
    ("Data modelling", "technical", "Uni Extern", 16, "980.00", False),
    ("Negotiation", "business", "Rhetorika", 16, "1150.00", False),
    ("Presentation", "business", "Rhetorika", 8, "590.00", False),
    ("Time management", "business", "Rhetorika", 8, "490.00", False),
    ("Excel for finance", "business", "Codeschule", 8, "390.00", False),
    ("Contract law", "business", "Lex GmbH", 16, "1350.00", False),
    ("Project management", "business", "PM Akademie", 24, "1490.00", False),
    ("Agile methods", "business", "PM Akademie", 16, "1090.00", False),
    ("Leading teams", "leadership", "PM Akademie", 24, "1990.00", False),
    ("Feedback talks", "leadership", "Rhetorika", 8, "690.00", False),
    ("Hiring well", "leadership", "In-house", 4, "0.00", False),
    ("Conflict mediation", "leadership", "Rhetorika", 16, "1250.00", False),
    ("German B1", "language", "Sprachhaus", 60, "720.00", False),
    ("German B2", "language", "Sprachhaus", 60, "720.00", False),
    ("English C1", "language", "Sprachhaus", 40, "640.00", False),
    ("Czech A1", "language", "Sprachhaus", 40, "580.00", False),
)
PROJECT_WORDS = (
    "Atlas", "Beacon", "Copper", "Delta", "Ember", "Falcon", "Granite", "Harbor", "Indigo", "Juniper", "Kestrel",
    "Lantern", "Meridian", "Nimbus", "Orchid", "Pioneer", "Quartz", "Raven", "Summit", "Tundra", "Umbra", "Vertex",
    "Willow", "Yonder", "Zephyr",
)  # fmt: skip
PROJECT_KINDS = ("migration", "launch", "audit", "rewrite", "pilot")
PRAISE = (
    "Meets every deadline and helps others to meet theirs.",
    "Took over a difficult customer and kept them.",
    "Writes clearly, and explains decisions before they are asked for.",
    "Learned a new field within weeks.",
    "Brings calm into meetings that need it.",
)
BLAME = (
    "Estimates are too hopeful; ask for help earlier.",
    "Documentation came late, and only when asked for.",
    "Should speak up in larger rounds.",
    "Deliveries were on time, but needed rework.",
)
ROLES = ("developer", "lead", "analyst", "tester", "consultant")
