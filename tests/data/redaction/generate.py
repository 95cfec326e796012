"""Writes sentences.json: synthetic sentences with what is to be masked in them, by kind, in code points.

    pip install faker==40.63.0
    python tests/data/redaction/generate.py

Nothing in it is anybody's: names, numbers and addresses are Faker's, from a fixed seed. The sentences are of the kinds that
people write to a help desk, that forms and logs hold and that letters begin with; around what is labelled stand names,
companies, addresses with their postal codes, dates, prices, orders and other numbers, which must survive.
"""

import json
import random
import re
from datetime import date, timedelta
from pathlib import Path

import faker
from faker import Faker

assert faker.VERSION == "40.63.0", f"another Faker writes other sentences: {faker.VERSION}"

SEED = 20261129
EACH = 26  # sentences a locale
LOCALES = """ar_AE az_AZ bg_BG bn_BD bs_BA cs_CZ da_DK de_AT de_CH de_DE el_GR en_AU en_CA en_GB en_IE en_IN en_NZ en_PH
en_US es_AR es_CL es_CO es_ES es_MX fa_IR fi_FI fr_BE fr_CH fr_FR he_IL hi_IN hr_HR hu_HU hy_AM id_ID it_IT ja_JP ka_GE
ko_KR lt_LT lv_LV nl_BE nl_NL no_NO pl_PL pt_BR pt_PT ro_RO ru_RU sk_SK sl_SI sv_SE th_TH tr_TR uk_UA vi_VN zh_CN zh_TW
en_US en_US en_GB en_US en_US""".split()

# National forms as people write them by hand, which Faker's providers mostly don't.
BY_HAND = """###-###-####|(0%) #### ####|07# #### ####|04# ### ####|0%### ## ## ##|06%# ### ## ##|%## ####|(##) ####-####
06-########|%#-##-##-##|%# ######|%### ####|6%# ### ###|0%.##.##.##.##|0%##-#######|%# ### ## ##|03## #######|%# ### ###
%## ## ###|04#-###-###|(%#) ###-###|(02#) ####-###|08# ### ####|07# ### ## ##|2% ### ####|04## ## ## ##|0%/###.##.##
+44 20 #### ####|+1 (%##) %##-####|+49 (0)%## #######|+33 % ## ## ## ##|001-%##-%##-####|+31-6-########|8 (%##) ###-##-##
%##-%##-#### x###|(%##)%##-####|%##.%##.####|##########|07700 ######|+91##########|0##########|+41 (0)4% ### ## ##
+46 (0)8 ### ### ##|(07700) ### ###|%##-#######|(%##)%##-####x####""".replace("\n", "|").split("|")

PHONE = """Please call me at {phone}, thanks.
You can reach {name} on {phone} or {phone}.
My phone number is {phone}.
tel. {phone}
{name}, {company}, phone {phone}, fax {phone}
I did not get a text message on my registered number {phone}. Could you look into it?
How can we reach you? You can call {phone}
I would like to stop receiving messages to {phone}
Mobile: {phone} / office: {phone}
The new number of {company} is {phone}; the old one, {phone}, no longer works.
{name}
{address}
{phone}
Call {phone} before {date} at {time}.
{company}
{address}
{phone} office, {phone} fax
WhatsApp {phone}
Customer {name} ({phone}) called about order {order}.
Contact: {name}, {email}, {phone}
Has anyone tried {phone}? Nobody answers.
{phone} - {name}
if urgent, ring {phone} and ask for {name}""".split("\n")
# Those of several lines.
PHONE = [t for t in PHONE if t not in ("{name}", "{address}", "{phone}", "{company}", "{phone} office, {phone} fax")]
PHONE += ["{name}\n{address}\n{phone}", "{company}\n{address}\n{phone} office\n{phone} fax", "{name}\n\n{email}\n{phone}"]

OTHER = """My card {card} has been lost, please block it.
I want to raise the limit of my card # {card} until {date}. Is it possible?
Please update the billing address of card {card} to {address}.
charge {price} to {card} exp {expiry}
card number {card} is lost, send a new one to {address}
Need to see the last 10 transactions of card {card}, thank you, {name}
Are there charges for transfers from {iban} to other accounts?
Send {price} to {name}, IBAN {iban}, by {date}.
My IBAN is {iban}
IBAN: {iban_spaced}
{name} asked to have {iban_spaced} removed.
Could you send the statement to {email}?
{name} <{email}> wrote on {date}:
From: {email} To: {email} Subject: order {order}
You said your e-mail is {email}. Is that correct?
mail {email} or {email}; the second is read at {time}
His social security number is {ssn}.
SSN: {ssn}, born {date}
Here's my SSN: {ssn} and my e-mail: {email}
the ITIN on file is {itin}
The server at {ip} did not answer at {date} {time}.
{address}
I moved to {address} and paid {price} for it.
Ship order {order} to {name}, {address}, by {date}.
{company} ({uuid}) has {amount} shares at {price}.
Version {version} was released on {date} with checksum {sha}.
Position {lat}, {lon} at {date}T{time}Z
ISBN {isbn}, {amount} copies, {price}
{amount} of {amount} rows, next_page_token={token}, took {ms} ms
{date} {time} INFO {ip} GET /orders/{order} 200 {amount}
invoice {order}, due {date}, total {price}
plate {plate}, {zip} {city}
The meeting with {company} is on {date} at {time} in room {room}.
{name} was born on {date} in {city}.
ticket {order} was closed by {name} after {amount} minutes
My zip code is {zip} and I pay {price} a month.
Between 1998 and 2004 {company} had 1200-1350 employees.
account {account} at {company}, {date}""".split("\n")


class Writer:
    def __init__(self, locale, seed):
        self.fake = Faker(locale)
        self.english = Faker("en_US")
        for fake in (self.fake, self.english):
            fake.seed_instance(seed)
        self.random = random.Random(seed)

    def date(self):
        day = date(1950, 1, 1) + timedelta(days=self.random.randrange(28_000))
        form = self.random.choice(["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d %B %Y", "%b %d, %Y", "%d/%m/%y", "%Y/%m/%d"])
        return day.strftime(form)

    def price(self):
        n = self.random.choice([self.random.random() * 100, self.random.random() * 10_000, self.random.random() * 2e7])
        forms = ["${:,.2f}", "€{:,.2f}", "{:,.0f} EUR", "{:.2f} USD", "£{:.2f}", "{} kr"]
        form = self.random.choice(forms)
        return form.format(f"{n:,.2f}".replace(",", " ").replace(".", ",") if "{}" in form else n)

    def digits(self, form):
        digit = lambda m: str(self.random.randint(0 if m.group() == "#" else 2, 9))
        return re.sub("[#%]", digit, form)

    def value(self, name):
        fake, english = self.fake, self.english
        match name:
            case "phone":
                by_hand = self.random.random() < 0.4 or not hasattr(fake, "phone_number")
                return self.digits(self.random.choice(BY_HAND)) if by_hand else fake.phone_number()
            case "email":
                return self.random.choice([fake.email, fake.ascii_company_email, fake.free_email, english.email])()
            case "card":
                card = english.credit_card_number()
                spaced = self.random.random() < 0.25 and len(card) == 16
                return self.random.choice(" -").join(re.findall("....", card)) if spaced else card
            case "iban":
                iban = self.iban()
                return iban.lower() if self.random.random() < 0.1 else iban
            case "iban_spaced":
                return re.sub("(....)(?=.)", r"\1 ", self.iban())
            case "ssn":
                return english.ssn()
            case "itin":
                return english.itin()
            case "name":
                return fake.name()
            case "company":
                return fake.company()
            case "address":
                return self.random.choice([fake, fake, english]).address()
            case "city":
                return fake.city()
            case "zip":
                return self.random.choice([fake, english]).postcode()
            case "date":
                return self.date()
            case "time":
                time = "{:02}:{:02}:{:02}".format(*(self.random.randrange(n) for n in (24, 60, 60)))
                return time if self.random.random() < 0.5 else time[:5]
            case "price":
                return self.price()
            case "order":
                form = self.random.choice(["#%####", "%#######", "INV-2026-%####", "A%##-%#####", "%####-%##", "SO%######"])
                return self.digits(form)
            case "account":
                return self.digits(self.random.choice(["%#######", "%#########", "%###########"]))
            case "expiry":
                return f"{self.random.randint(1, 12):02}/{self.random.randint(26, 32)}"
            case "ip":
                return english.ipv4() if self.random.random() < 0.8 else english.ipv6()
            case "uuid":
                return english.uuid4()
            case "sha":
                return self.random.choice([english.sha1, english.sha256, english.md5])()
            case "version":
                return self.random.choice(["%.#.#", "v%.##.#", "#.##.####", "%.0.0-rc.#"]).replace("#", "4").replace("%", "2")
            case "lat":
                return str(english.latitude())
            case "lon":
                return str(english.longitude())
            case "isbn":
                return self.random.choice([english.isbn10, english.isbn13])()
            case "amount":
                return str(self.random.choice([self.random.randint(1, 99), self.random.randint(100, 99_999_999)]))
            case "ms":
                return f"{self.random.random() * 1000:.3f}"
            case "token":
                return self.random.choice(["CAUQAA", english.md5()[:16], str(self.random.randint(10**9, 10**12))])
            case "plate":
                return english.license_plate()
            case "room":
                return str(self.random.randint(1, 900))
        raise ValueError(name)

    def iban(self):
        return self.random.choice([self.fake, self.english]).iban() if self.random.random() < 0.5 else self.english.iban()

    def sentence(self, template):
        labels = {"iban_spaced": "iban", "itin": "ssn"}
        text, spans = "", []
        for part in re.split(r"(\{\w+\})", template):
            if part.startswith("{"):
                name = part[1:-1]
                value = self.value(name)
                name = labels.get(name, name)
                if name in ("phone", "email", "card", "iban", "ssn"):
                    spans.append([name, len(text), len(text) + len(value)])
                part = value
            text += part
        return {"text": text, "spans": spans}


def main():
    sentences, seen = [], set()
    for n, locale in enumerate(LOCALES):
        writer = Writer(locale, SEED + n)
        for i in range(EACH):
            template = writer.random.choice(PHONE if i % 3 == 0 else OTHER)
            sentence = writer.sentence(template)
            # Emergency and service numbers of three digits are nobody's.
            short = [s for s in sentence["spans"] if s[0] == "phone"
                     and sum(c.isdigit() for c in sentence["text"][s[1]:s[2]]) < 7]
            if not short and sentence["text"] not in seen:
                seen.add(sentence["text"])
                sentences.append({"locale": locale, **sentence})
    lines = ",\n".join(json.dumps(s, ensure_ascii=False) for s in sentences)
    Path(__file__).with_name("sentences.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
