"""What the code doesn't say in words: the meaning of tables, columns and keys.

A column of the contract that is missing here stops the build.
"""

TABLES = {
    "customers": "One row per customer.",
    "products": "One row per product.",
    "stores": "One row per store, branch or venue.",
    "offers": "One row per offer. Without this table, each product and each visited store is its "
    "own offer.",
    "offer_items": "Further products and stores of offers, one per row. An offer covers what "
    "`offers` and `offer_items` name. A store restricts where to use it. A product with "
    "stores of its own counts at these only, whatever other stores the offer names.",
    "categories": "One row per category. Only for what it says about the category itself.",
    "sensitive_values": "Sensitive kinds of `events`, interests (`likes`), programmes "
    "(`memberships`) and `stores`: never used for others, nor as a reason.",
    "friendships": "One row per friendship.",
    "purchases": "One row per product in a purchase.",
    "visits": "One row per visit to a store.",
    "events": "Anything else that a customer did: a view, a trip, a birthday party.",
    "likes": "One row per customer and interest.",
    "memberships": "One row per customer and card, club or loyalty programme.",
    "contacts": "One row per message that you sent.",
    "consents": "One row per customer, purpose and change. The latest row counts.",
}

COLUMNS = {
    "amount": "What the customer paid for the row.",
    "arm": "The group of an experiment that the customer was in.",
    "at": "When it happened.",
    "attributes": "Columns outside the contract, as a JSON object.",
    "birth_date": "Decides whether the customer is an adult. Unknown ages get no offers.",
    "brand": "The brand.",
    "category": "The category.",
    "channel": "How: `push`, `email`, `shop` and so on.",
    "city": "The city, as text.",
    "contact_id": "Identifies the message. Derived from the row if you leave it out.",
    "cost": "What the offer costs you per use.",
    "currency": "The currency of the amount, such as `EUR`. Nothing is converted.",
    "customer_id": "The customer.",
    "directed": "True if influence passes from `friend_id` to `customer_id` only.",
    "email": "An address for contact. Nothing reads it yet.",
    "event_id": "Identifies the event. Derived from the row if you leave it out.",
    "friend_id": "The other customer.",
    "granted": "Yes or no.",
    "interactions": "How often the two were in touch. Adds weight to the tie.",
    "interest": "The interest, as text.",
    "joined_at": "When the customer joined.",
    "kind": "What happened, such as `view` or `trip_booked`.",
    "latitude": "In degrees.",
    "longitude": "In degrees.",
    "margin": "What you earn per unit.",
    "name": "For people to read.",
    "offer_id": "The offer.",
    "order_id": "What was bought together has the same. Without it, what a customer bought at one "
    "instant is one order.",
    "outcome": "What the customer did, such as `accepted`. Some are "
    "[no answer](policy.md#answers).",
    "outcome_at": "When the customer did it.",
    "phone": "A number for contact. Nothing reads it yet.",
    "price": "Per unit.",
    "product_id": "The product.",
    "program": "The card, club or loyalty programme, as text.",
    "purchase_id": "Identifies the row. Derived from the row if you leave it out.",
    "purpose": "What the consent is for: see [purposes](../explanation/privacy.md#purposes).",
    "quantity": "How many. Negative for a return, if the mapping allows returns.",
    "sensitive": "True if the product must never be offered, nor give a reason for an offer.",
    "since": "When it began.",
    "starts_at": "When what was booked begins, such as a trip or a concert.",
    "store_id": "The store.",
    "table": "`events`, `likes`, `memberships` or `stores`.",
    "timezone": "The customer's time zone, such as `Europe/Berlin`, for the time to send offers.",
    "until": "When it ended. Empty while it lasts.",
    "valid_from": "From when customers can use the offer.",
    "valid_until": "Until when customers can use the offer.",
    "value": "What the offer is worth to you. Decides which offer takes an item first.",
    "visit_id": "Identifies the visit. Derived from the row if you leave it out.",
}

OF_TABLE = {
    ("offers", "product_id"): "The offer covers this product.",
    ("offers", "category"): "The offer covers products of this category.",
    ("offers", "brand"): "The offer covers products of this brand.",
    ("offers", "store_id"): "Where to use it. Alone, the offer is for a visit to this store.",
    ("offers", "program"): "Only for customers who hold this programme.",
    ("offers", "interest"): "Only for customers who like this.",
    ("offer_items", "product_id"): "The offer covers this product.",
    ("offer_items", "store_id"): "Where to use the offer; beside a product, where this product "
    "counts.",
    ("categories", "sensitive"): "True if the category's products and stores are sensitive.",
    ("sensitive_values", "value"): "The kind, interest, programme or store id. Case doesn't "
    "matter.",
    ("purchases", "store_id"): "Where it was bought.",
    ("events", "product_id"): "The product that the event is about.",
    ("events", "store_id"): "The store that the event is about.",
    ("events", "city"): "Where it happens.",
    ("events", "value"): "Any number that belongs to the event.",
    ("contacts", "channel"): "How you sent it.",
}
"""Where a column means something else in one table."""

KINDS = {
    "id": "Text, kept as written: `007` stays `007`. Surrounding blanks go. Text is stored in "
    "Unicode's NFC form.",
    "text": "Text in NFC form.",
    "code": "A word of a small vocabulary. Case doesn't matter: `EMAIL` is `email`.",
    "currency": "A currency's code. Case doesn't matter.",
    "time": "ISO 8601. A time without a zone is UTC unless the mapping names a zone. A bare number "
    "is a time only if the mapping gives its unit. Offsets run from `-23:59` to `+23:59`.",
    "date": "ISO 8601, such as `1989-11-29`.",
    "money": "Major units (`19.99`) unless the mapping says minor. Stored as whole hundredths. The "
    "exact decimal is rounded once, halves to the even one. `-0.004` counts as negative.",
    "number": "A decimal number.",
    "attributes": 'A JSON object, such as `{"colour": "red"}`. A load makes it of the columns '
    "that the contract and the mapping don't name.",
    "boolean": "`true`, `false`, `1` or `0`.",
}

DECISIONS = {
    "customer_id": "The customer.",
    "offer_id": "The offer. Empty if a rule blocks the item, whichever the offer.",
    "item_kind": "`product` or `store`.",
    "item_id": "The product or store.",
    "triggers": "The live triggers that are a reason for it, such as `friend_bought`: first the "
    "one that adds most to the probability.",
    "source": "Why it is a candidate: `trigger`, `repeat` (a reason to buy it again), `taste`, "
    "`basket` or `popular`.",
    "blocked_by": "The [rule](../explanation/ranking.md#why-and-why-not) that blocks it. Empty if "
    "none does.",
    "probability": "That the customer buys or visits the item within the next window.",
    "low": "Of customers scored like this, at least this share accepts (90 % interval). Empty "
    "while probabilities aren't calibrated.",
    "high": "And at most this share.",
    "acceptance": "The probability after a contact; with a policy, through this channel. Empty "
    "while too few contacts have outcomes.",
    "own_share": "The probability without any trigger.",
    "trigger_share": "What the triggers add to it.",
    "expected_value": "`acceptance`, else `probability`, times `value`, less `cost`, in minor "
    "units (hundredths) and their fractions. Empty if the value is unknown.",
    "value": "What an acceptance brings, in minor units (hundredths): the offer's value, else the "
    "product's margin, else its price. Empty if unknown.",
    "cost": "The cost of the message by its channel, and the offer's cost times `acceptance`, else "
    "`probability`, in minor units and their fractions. This counts for a budget.",
    "channel": "The channel to use. Empty if contact is granted in general.",
    "until": "When the reason of the first trigger ends. Empty without a trigger, or if it holds "
    "as long as its conditions do.",
    "store_ids": "The stores at which the offer can be used for that reason. Empty if at any.",
    "decision": "`offered`, `outranked`, or the rule that blocked it.",
    "rank": "Among the customer's candidates, from 1, offered ones first: by probability, or with "
    "a policy by expected value. Empty if a rule blocks it.",
    "reason": "What to tell the customer.",
    "send_after": "The earliest time to send it. Empty if at once, and without a policy.",
    "propensity": "How likely this run was to offer it: 1 or 0. With a holdout, 1 less its share "
    "for what is offered, and for what those in the holdout would have been offered.",
    "contributions": "What each feature adds to the log-odds. Empty beyond the next ten candidates "
    "after the offered ones.",
}

POLICY = {
    "Policy.version": "The version of the file's format.",
    "Contact.per_customer": "Messages to one customer.",
    "Contact.per_channel": "Messages to one customer through a channel, by channel.",
    "Contact.per_offer": "Messages to one customer about one offer.",
    "Contact.per_friend": "Offers of a run that one customer's purchases and visits may drive. "
    "Customers who don't share activity get none of these.",
    "Contact.assume_sent": "For this long, an offer counts as sent without a contact.",
    "Contact.quiet": "The hours in which nothing is sent.",
    "Window.at_most": "The number of messages.",
    "Window.within": "Any period of this length.",
    "PerFriend.at_most": "The number of offers.",
    "Quiet.from": "When quiet hours begin.",
    "Quiet.until": "When they end, perhaps on the next day.",
    "Quiet.zone": "The time zone of customers without a `timezone`.",
    "Limits.budget": "What the offers of a day may cost, in major units: messages when sent, "
    "offers times acceptance.",
    "Limits.channels": "Messages of a day, by channel. Others are unlimited.",
    "Limits.costs": "Cost of a message in major units, by channel. Others cost nothing.",
    "Limits.offers": "Messages about an offer, ever, by id.",
    "Limits.stores": "Offers of a day that point to a store, by id.",
    "Limits.reveals_sensitive": "An item isn't offered if those who would be offered it made a "
    "kind of sensitive purchase at least this many times as often as others.",
    "Never.bought_within": "No product that the customer bought within this time, unless it is due "
    "again.",
    "Never.programs": "Nothing to members of these programs.",
    "Never.categories": "No product or store of these categories.",
    "Never.min_expected_value": "Nothing that is worth less, in major units. Above 0, nothing "
    "whose value is unknown.",
    "Holdout.share": "The share of the customers who get no offers, from 0 to below 1.",
    "Holdout.salt": "Another text chooses other customers.",
    "Retention.events": "Purchases, visits and events that are older aren't used.",
    "Retention.contacts": "Contacts that are older aren't used.",
}

KEYS = {
    "delimiter": "What separates the values of a line: a comma, or a tab in `.tsv`, unless set.",
    "encoding": "How the text is encoded: `utf-8` unless set.",
    "columns": "The columns of the contract that come from somewhere else: see below.",
}

SETTINGS = {
    "neo4j_username": "The server's login.",
    "neo4j_database": "The server's database. Without it, the server's default.",
}
