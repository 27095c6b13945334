"""Mail of many languages and shapes, made by numbers, for classifiers: each class has words of its own
and words that both have."""
import random

# Words that say what the language is, then those of spam, then those of ham.
LANGUAGES = {
    "en": ("the and that with have this from they will would there their what about which when make "
           "like time just know people into year your good some could them other than then look only "
           "come over think also back after work first well even because these most",
           "lottery winner casino jackpot bonus prize claim urgent dollars betting pharmacy discount",
           "meeting report compiler garden minutes review branch lunch patch agenda project schedule"),
    "de": ("der die und ist nicht auch sich mit dem wird eine auf für werden sein haben oder nach wenn "
           "aber wir noch nur über mehr können unter schon wieder durch diese diesem zwischen immer "
           "dieser gegen sehr müssen während",
           "Gewinn Lotterie Geldpreis Kredit Rabatt Sonderangebot kostenlos sofort Millionen Bargeld",
           "Besprechung Bericht Protokoll Garten Termin Unterlagen Rechnung Mittagessen Projekt Büro"),
    "fr": ("le la les des est une dans que pour pas sur avec plus vous nous mais être cette sont comme "
           "tout fait leur aussi bien peut même sans entre encore deux depuis toujours après chez très "
           "alors parce quand",
           "loterie gagnant argent gratuit promotion crédit offre urgent millions cadeau remise",
           "réunion rapport jardin compte facture projet bureau déjeuner semaine document équipe"),
    "es": ("el la los las que una por con para como más pero sus este entre cuando muy sin sobre también "
           "hasta hay donde quien desde todo nos durante todos uno les contra otros ese eso ante ellos "
           "siempre nuestro",
           "lotería ganador dinero gratis oferta crédito premio urgente millones descuento regalo",
           "reunión informe jardín factura proyecto oficina almuerzo semana documento equipo acta"),
    "it": ("il la che non una per con sono del anche come della questo più nella essere quando dalla "
           "ancora tutto loro dopo prima fatto molto stato suo senza sempre tutti dove perché nostro "
           "quello quella ogni",
           "lotteria vincitore denaro gratis offerta credito premio urgente milioni sconto regalo",
           "riunione rapporto giardino fattura progetto ufficio pranzo settimana documento squadra"),
    "ru": ("и в не на что он как это по но они мы этот она так его для вы был было быть уже или если "
           "когда только ещё может после очень между чтобы также потом сейчас здесь всегда никогда "
           "потому",
           "лотерея выигрыш деньги бесплатно скидка кредит приз срочно миллионы подарок казино",
           "встреча отчёт сад протокол счёт проект офис обед неделя документ команда повестка"),
    "pt": ("que não uma com para por mais como mas foi ele das tem seu sua ou ser quando muito nos já "
           "está também pelo pela até isso ela entre depois sem mesmo aos ter seus quem nas esse eles "
           "você essa num nem suas meu",
           "loteria ganhador dinheiro grátis oferta crédito prêmio urgente milhões desconto presente",
           "reunião relatório jardim fatura projeto escritório almoço semana documento equipe pauta"),
    "nl": ("de het een van en dat niet zijn voor met ook maar deze worden heeft naar door over hebben "
           "wordt nog meer kunnen onder tussen altijd wanneer omdat zonder tegen tijdens daarna alleen "
           "veel andere",
           "loterij winnaar geldprijs gratis aanbieding krediet korting dringend miljoenen cadeau",
           "vergadering verslag tuin factuur project kantoor lunch week document ploeg notulen"),
}
ORDER = ("en", "de", "en", "fr", "es", "ru", "it", "pt", "en", "nl")


def is_html(number):
    return number % 3 == 1


def language(number):
    return ORDER[number % len(ORDER)]


def is_spam(number):
    return number // 10 % 2 == 0


def text_of(number, chance):
    common, spam, ham = (words.split() for words in LANGUAGES[language(number)])
    own = spam if is_spam(number) else ham
    paragraphs = []
    for _ in range(chance.randint(2, 4)):
        words = [chance.choice(own) if chance.random() < 0.25 else chance.choice(common)
                 for _ in range(chance.randint(25, 60))]
        sentences, at = [], 0
        while at < len(words):
            size = chance.randint(5, 12)
            one = words[at:at + size]
            sentences.append(" ".join([one[0].capitalize(), *one[1:]]) + chance.choice([".", ".", "!", "?"]))
            at += size
        paragraphs.append(" ".join(sentences))
    if number % 4 == 2:
        paragraphs[-1] += f" http://www.shop{number % 7}.example.com/path?id={number}"
    return paragraphs


def html_of(paragraphs, number):
    body = "".join(f'<p style="margin:0">{one}</p>\r\n' for one in paragraphs)
    link = (f'<a href="https://site{number % 5}.example.net/x">{paragraphs[0].split()[1]}</a>'
            if number % 2 else "")
    return (f"<html><head><title>{paragraphs[0].split()[0]}</title></head><body>{body}{link}"
            "<br><table><tr><td>1</td><td>two</td></tr></table></body></html>\r\n")


def part(kind, text):
    return (f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
            f"{text}\r\n")


DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


def message(number, seed=0):
    """The message of that number, its bytes."""
    chance = random.Random(f"{seed} {number}")
    paragraphs = text_of(number, chance)
    words = paragraphs[0].split()
    subject = " ".join(words[:5]).rstrip(".!?")
    sender = f"s{number}@sender{number % 9}.example"
    shown = {1: sender, 4: f"<{sender}>"}.get(number % 7, f"Somebody Else <{sender}>")
    head = (f"From: {shown}\r\nTo: <b@x.example>\r\n"
            f"Subject: {subject}\r\n"
            f"Date: {DAYS[number % 7]}, {22 + number % 7} Nov 2026 {number % 24:02}:00:00 +0000\r\n"
            f"Message-ID: <{seed}.{number}@s.example>\r\nMIME-Version: 1.0\r\n")
    plain = "\r\n\r\n".join(paragraphs)
    if not is_html(number):
        body = part("plain", plain)
    elif number % 2:
        body = part("html", html_of(paragraphs, number))
    else:
        body = (f'Content-Type: multipart/alternative; boundary="b{number}"\r\n\r\n'
                f"--b{number}\r\n{part('plain', plain)}\r\n--b{number}\r\n"
                f"{part('html', html_of(paragraphs, number))}\r\n--b{number}--\r\n")
    if number % 11 == 3:
        body = (f'Content-Type: multipart/mixed; boundary="m{number}"\r\n\r\n--m{number}\r\n{body}'
                f"\r\n--m{number}\r\nContent-Type: application/octet-stream\r\n"
                f'Content-Disposition: attachment; filename="list-{number}.bin"\r\n'
                f"Content-Transfer-Encoding: base64\r\n\r\nAAECAwQFBgc=\r\n--m{number}--\r\n")
    return (head + body).encode()
