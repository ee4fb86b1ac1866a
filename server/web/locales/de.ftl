# Die Wörter der Seite auf Deutsch. Was sie bedeuten, steht in en.ftl.

## The language itself

language-name = Deutsch
language-direction = ltr

## The frame of a room

skip = Zum Schreiben springen
start = Millchat: einen neuen Raum öffnen
room = Raum
copy-link = Link kopieren
link-copied = Link kopiert
menu = Menü
new-room = Neuer Raum
new-private-room = Neuer privater Raum
notify = Bei neuen Nachrichten benachrichtigen
notify-mentions = Nur wenn mich jemand erwähnt
notify-sound = Dazu einen Ton abspielen
notify-forbidden = Dieser Browser erlaubt der Seite keine Benachrichtigungen. Das steht in seinen Einstellungen für diese Website.
notify-impossible = Dieser Browser kann für eine Seite keine Benachrichtigungen zeigen.
language = Sprache
lately = Räume, in denen du zuletzt warst
lately-forget = Diese Räume vergessen
messages = Nachrichten
people = Personen
who-is-here = Wer ist da?
here = { $count } hier
nobody-named = Noch niemand mit Namen.
and-more =
    { $count ->
        [one] und { $count } weitere Person
       *[other] und { $count } weitere
    }
licences = Lizenzen
quiet = Hier ist es noch still.
quiet-hint = Schreib das erste Wort oder schick jemandem den Link.
room-is-closed = In diesem Raum kann gerade niemand schreiben.
draft-kept = Dein Entwurf bleibt erhalten, bis man hier wieder schreiben kann:
no-script = Ohne JavaScript erscheint nichts Neues von selbst.
no-script-reload = Neu laden, um Neues zu sehen
connection-gone = Die Verbindung ist weg. Neuer Versuch …
connection-back = Wieder verbunden.
to-newest = Zum Neuesten
new-messages =
    { $count ->
        [one] { $count } neue
       *[other] { $count } neue
    }
new-line = Neu
# Read out by a screen reader when a message arrives
said = { $name }: { $text }
typing =
    { $count ->
        [one] { $names } schreibt …
       *[other] { $names } schreiben …
    }
typing-many = Mehrere schreiben …
answering = { $name } schreibt eine Antwort
answering-waiting = antwortet gleich …
answering-thinking = denkt nach …
answering-writing = schreibt …
answering-absent = kann noch nicht antworten: Das Sprachmodell ist nicht erreichbar. Es wird weiter versucht.
answering-busy = kann nicht antworten: Zu viele Fragen warten. Frag später noch einmal.
answering-limit = kann nicht antworten: Es wurde zu oft gefragt. Frag später noch einmal.
answering-model = kann nicht antworten: Das Sprachmodell fehlt oder hat die Frage abgelehnt.
answering-late = kann nicht antworten: Es hat zu lange gedauert. Frag noch einmal.
answering-broke = ist mitten in der Antwort abgebrochen. Frag noch einmal.
answering-empty = hat dazu nichts zu sagen.
answering-spent = kann nicht antworten: Was heute gesagt werden darf, ist aufgebraucht.
answering-stop = Stopp
answering-stop-failed = Die Antwort wurde nicht gestoppt: { $why }
joined =
    { $count ->
        [one] { $names } ist gekommen
       *[other] { $names } sind gekommen
    }
left =
    { $count ->
        [one] { $names } ist gegangen
       *[other] { $names } sind gegangen
    }

## Messages

edited = bearbeitet
you = du
bot = Bot
deleted = Diese Nachricht wurde gelöscht.
deleted-by = Diese Nachricht wurde von { $name } gelöscht.
quote-gone = Diese Nachricht wird nicht mehr aufbewahrt.
deleted-many =
    { $count ->
        [one] { $count } Nachricht wurde gelöscht.
       *[other] { $count } Nachrichten wurden gelöscht.
    }
show-more = Mehr anzeigen
show-less = Weniger anzeigen
older = Ältere Nachrichten zeigen
between = Zeigen, was dazwischen liegt
begins = Hier beginnt der Raum.
older-gone = Ältere Nachrichten werden nicht mehr aufbewahrt.
gap = Die Nachrichten ab hier werden nicht mehr aufbewahrt.
gap-damage = Hier sind Nachrichten beschädigt und nicht mehr lesbar.
reset = Der Chat hat neu begonnen. Das hier ist sein jetziger Inhalt.
link-gone = Die Nachricht, zu der der Link führt, gibt es nicht mehr.
room-closed = Der Raum wurde zum Schreiben geschlossen.
room-closed-by = { $name } hat den Raum zum Schreiben geschlossen.
room-opened = Im Raum kann wieder geschrieben werden.
room-opened-by = { $name } hat den Raum wieder zum Schreiben geöffnet.
room-emptied = Der Raum wurde geleert.
room-emptied-by = { $name } hat den Raum geleert.

## Search

search = Suchen
search-room = In diesem Raum suchen
search-hint = Findet die Nachrichten, in denen alle diese Wörter vorkommen, als ganze Wörter. Groß- und Kleinschreibung und Akzente spielen keine Rolle.
search-results = Gefundene Nachrichten
search-none = In keiner Nachricht dieses Raums kommen alle diese Wörter vor.
search-none-yet = Bisher nichts gefunden. Es gibt noch ältere Nachrichten zu durchsuchen.
search-older = Ältere Treffer
search-back = Zurück zum Raum
search-no-word = Gib mindestens ein Wort ein, nach dem gesucht werden soll.
search-too-long = Die Suche ist { $bytes } Byte lang; möglich sind { $limit }.
search-too-many =
    { $count ->
        [one] Die Suche hat { $count } Wort; möglich sind { $limit }.
       *[other] Die Suche hat { $count } verschiedene Wörter; möglich sind { $limit }.
    }

## Writing

write = Schreiben
message = Nachricht
message-hint = Nachricht schreiben
keys = Enter sendet, Umschalt und Enter beginnt eine neue Zeile, Pfeil nach oben bearbeitet deine letzte Nachricht.
# The name of the list of people that opens when one types @
mentionable = Personen zum Erwähnen
send = Senden
send-by-key = Senden (Enter)
writing-as = Du schreibst als { $name }
rename = Namen ändern
your-name = Dein Name, um hier zu schreiben
your-new-name = Dein neuer Name
name-hint = Ada
save = Speichern
join = Dabei sein
name-waiting = Der Name ist noch nicht gespeichert. Warten auf die Verbindung …
name-unanswered = Der Name ist nicht gespeichert: Der Server hat nicht geantwortet.
name-status = Der Name ist nicht gespeichert: Der Server hat { $status } geantwortet.
editing = Du bearbeitest deine Nachricht. Escape lässt sie, wie sie war.
editing-delete = Löschen
cancel = Abbrechen
reply = Antworten
replying = Antwort auf
react = Reagieren
edit = Bearbeiten
delete = Löschen
delete-question = Diese Nachricht für alle löschen?
keep = Behalten
edit-failed = Die Änderung ist nicht gespeichert. { $why }
delete-failed = Die Nachricht ist nicht gelöscht. { $why }
react-failed = Die Reaktion ist nicht gespeichert. { $why }
no-answer = Der Server hat nicht geantwortet; versuch es noch einmal.

## Messages on their way

outbox = Noch nicht gesendet
waiting = Wartet …
sending = Wird gesendet …
sent = Gesendet
waiting-connection = Warten auf die Verbindung …
trying-again = { $why } Neuer Versuch …
not-sent = Nicht gesendet. { $why }
try-again = Noch einmal versuchen
discard = Verwerfen
unsent-other-name = Du hast sie unter einem anderen Namen geschrieben.
unsent-old = Sie ist schon lange her.
unsent-unknown = Der Server kennt dich nicht mehr. Wähl deinen Namen neu und versuch es noch einmal.
unsent-refused = Der Server hat sie abgelehnt: Es ist nichts darin zu sehen, oder ihr Schlüssel wurde schon benutzt.
unsent-fast = Du sendest schneller, als dieser Server erlaubt.
unsent-unclear = Der Server konnte nicht sagen, ob sie gespeichert ist. Ein neuer Versuch klärt es und sendet sie nie zweimal.
unsent-busy = Der Server nimmt gerade keine Nachrichten an.
unsent-status = Der Server hat { $status } geantwortet.

## Anmelden

# Für Vorleseprogramme, hinter dem Namen von jemandem, der angemeldet ist. Die Seite zeigt ein Zeichen
user-mark = angemeldet
sign-in = Anmelden
sign-in-at = Mit { $login } anmelden
sign-in-guest = Du bist hier als { $name }. Auch nach dem Anmelden kannst du bearbeiten und löschen, was du geschrieben hast.
sign-in-not = Ohne Anmeldung weiter
sign-in-other = Oder mit einem anderen Konto anmelden
continue-as = Weiter als { $name }
account = Dein Konto
account-name = Name
account-login = Angemeldet mit
account-until = Angemeldet bis
sign-out = Abmelden
sign-out-everywhere = Auf allen Geräten abmelden
sign-out-hint = Nach dem Abmelden kannst du nicht mehr ändern, was du vor der Anmeldung als Gast geschrieben hast.
sign-out-onward = Hier bist du abgemeldet. Beim Anbieter geht die Abmeldung weiter.
go-on = Weiter
signed-in-done = Du bist als { $name } angemeldet. Du kannst dieses Fenster schließen.
sign-in-none = Du bist nicht angemeldet.
signed-in-ask = Der Chat neben der Seite, von der du kommst, kann dich als { $name } kennen.
signed-in-alone = Du bist als { $name } angemeldet. Der Browser trennt dieses Fenster von der Seite, von der du kommst. Der Chat geht deshalb hier weiter.
signed-in-unanswered = Der Chat ist nicht erreichbar. Versuche es noch einmal.
sign-in-failed = Du bist nicht angemeldet
sign-in-expired = Diese Anmeldung ist abgelaufen oder wurde schon benutzt. Bitte fang noch einmal an.
sign-in-refused = Der Anbieter oder der Betreiber dieses Chats lässt dich mit diesem Konto nicht ein.
sign-in-invalid = Die Antwort des Anbieters hat eine Prüfung nicht bestanden, deshalb wurde niemand angemeldet. Der Betreiber findet den Grund im Protokoll des Servers.
provider-unreachable = Der Anbieter antwortet nicht, wie er soll. Bitte versuch es später noch einmal.
sign-in-busy = Gerade melden sich zu viele an. Komm gleich noch einmal.
no-login = Diese Anmeldung gibt es hier nicht.
no-logins = Bei diesem Chat meldet sich niemand an; ein Name genügt.
sign-in-again = Noch einmal anmelden

## What goes wrong

failure-missing = Hier ist nichts
failure-refused = Das hat nicht geklappt
failure-server = Der Server kann das gerade nicht
open-room = Einen neuen Raum öffnen
go-to-room = Zu { $room }

no-page = Unter dieser Adresse gibt es nichts.
no-file = Diese Datei gibt es hier nicht.
room-name-rule = Der Name eines Raums hat 1 bis { $limit } Zeichen aus A-Z a-z 0-9 _ - und ist nicht { $names }.
wrong-method = Diese Adresse nimmt nur { $methods } an.
wrong-message = Eine Nachricht wird mit einer Zahl benannt.
wrong-type = Eine Nachricht wird als application/json oder als Formular gesendet.
malformed = Diese Anfrage lässt sich nicht beantworten.
other-site = Anfragen von anderen Websites werden hier nicht angenommen.
other-origin = Das kam von einer Seite unter { $origin }, der Server wurde aber als { $host } angesprochen. Darum hält er die Seite für fremd. Wenn es die Seite dieses Chats ist, muss der Betreiber { $setting } auf { $origin } setzen oder den Proxy den Header { $header } samt Port weitergeben lassen.
other-public-url = Das kam von einer Seite unter { $origin }, die Adresse dieses Chats ist aber { $public }. Öffne den Chat dort. Wenn auch { $origin } seine Adresse ist, muss der Betreiber { $setting } berichtigen.
hidden-origin = Dein Browser sagt nicht, von welcher Seite das kam ({ $origin }). Darum hält der Server sie für fremd. Vielleicht steht die Seite in einem abgeschotteten Rahmen, oder eine Erweiterung des Browsers verbirgt ihre Adresse.
no-name = Wähl zuerst einen Namen, dann kannst du schreiben.
body-too-large = Das Gesendete überschreitet die Grenze von { $limit } Bytes.
body-slow = Das Gesendete kam nicht innerhalb von { $limit } Sekunden an.
body-broken = Das Gesendete endete zu früh.
too-busy = Es wartet gerade zu viel. Komm gleich noch einmal wieder.
limited =
    { $count ->
        [one] Das ist mehr, als dieser Server auf einmal erlaubt. Versuch es in { $count } Sekunde noch einmal.
       *[other] Das ist mehr, als dieser Server auf einmal erlaubt. Versuch es in { $count } Sekunden noch einmal.
    }
name-invisible = Ein Name braucht mindestens ein sichtbares Zeichen.
name-too-long = Der Name hat { $graphemes } Zeichen in { $bytes } Bytes; erlaubt sind { $graphemes-max } Zeichen und { $bytes-max } Bytes.
name-like-tag = Ein Name darf nicht auf # und vier bis acht Buchstaben oder Ziffern enden: Das sähe aus wie jemandes Kennung.
name-of-account = Dein Name kommt von dort, wo du dich angemeldet hast; ändern kannst du ihn dort.
message-invisible = Eine Nachricht braucht mindestens ein sichtbares Zeichen.
message-too-long = Die Nachricht hat { $bytes } Bytes; erlaubt sind { $limit }.
key-invalid = Der Schlüssel der Nachricht hat { $bytes } Bytes; erlaubt sind 1 bis { $limit }.
key-reused = Der Schlüssel der Nachricht wurde schon benutzt, für einen anderen Text oder in einem anderen Raum.
banned = Du bist gesperrt: Der Betreiber dieses Servers lässt dich nicht schreiben.
message-unknown = Diese Nachricht gibt es nicht.
message-deleted = Die Nachricht wurde gelöscht.
message-edited-often = Die Nachricht wurde so oft bearbeitet, wie es geht.
message-reactions = Mehr Reaktionen kann die Nachricht nicht haben.
reaction-unknown = Diese Reaktion gibt es nicht.
message-others = Die Nachricht gehört jemand anderem.
disk-full = Die Festplatte des Servers ist voll.
not-now = Der Server nimmt gerade nichts an.
unclear = Es ist unklar, ob die Nachricht gespeichert ist. Ein neuer Versuch klärt es.
unreadable = Der Server kann seine Nachrichten nicht lesen.

## Rooms that not everybody may use

denied-title = Dieser Raum ist für seine Mitglieder
denied-nobody = Du bist hier nicht bekannt, darum ist unklar, ob du dazugehörst.
denied-known = Du bist hier als { $name } und gehörst nicht dazu.
denied-unknown-room = Einen Raum mit diesem Namen gibt es hier nicht.
denied-not-member = Dieser Raum ist für seine Mitglieder, und du gehörst nicht dazu.
denied-read-only = Du kannst diesen Raum lesen, aber nicht darin schreiben.
denied-needs-role = Das dürfen nur Leute mit mehr Rechten in diesem Raum.
denied-no-new-rooms = Du kannst hier keinen neuen Raum öffnen.
denied-banned = Du bist gesperrt und kannst hier nicht schreiben.
denied-ended = Du kannst diesen Raum nicht mehr lesen.
denied-signed-out = Du bist nicht mehr angemeldet und kannst hier nicht weiterlesen.

## Moderation

flag = Melden
flag-question = Diese Nachricht den Moderatoren melden?
flag-reason = Warum? (kann leer bleiben)
flagged = Gemeldet. Die Moderatoren dieses Raums können es sehen.
ban = Sperren
ban-question = { $name } aus diesem Raum aussperren?
ban-time = Wie lange
ban-hour = Eine Stunde
ban-day = Einen Tag
ban-week = Eine Woche
ban-ever = Für immer
ban-all = Auch alle Nachrichten dieser Person hier löschen
ban-done = { $name } ist aus diesem Raum ausgesperrt.
close-dialog = Schließen
deed-failed = Das ist nicht geschehen. { $why }
moderation = Moderation
close-room = Raum für neue Nachrichten schließen
open-again = Raum wieder öffnen
empty-room = Alle Nachrichten löschen
empty-sure = Ja, alle Nachrichten dieses Raums, für alle
flags = Gemeldete Nachrichten
flags-none = Es ist nichts gemeldet.
flag-clear = Ist in Ordnung
flagged-by = Gemeldet von { $name }:
bans = Sperren
bans-none = Niemand ist aus diesem Raum ausgesperrt.
done-by = von { $name },
until = bis
unban = Wieder hereinlassen
members = Mitglieder
members-none = Niemand hat hier eine Rolle bekommen.
member-remove = Rolle wegnehmen
role-reader = Leser
role-writer = Schreiber
role-moderator = Moderator
role-owner = Besitzer
invitations = Einladungen
invite = Einladung erstellen
invitation-role = Sie macht zum
invitation-time = Gültig für
days =
    { $count ->
        [one] { $count } Tag
       *[other] { $count } Tage
    }
invitation-uses-max = Wie oft sie benutzt werden kann
invitation-uses =
    { $count ->
        [one] Kann noch { $count }-mal benutzt werden
       *[other] Kann noch { $count }-mal benutzt werden
    }
invitation-end = Zurücknehmen
invitation-made = Der Link der neuen Einladung. Er wird nur jetzt gezeigt:
invitation = Du bist eingeladen
invitation-have = Ich habe eine Einladung
invitation-link = Der Link der Einladung
invitation-use = Annehmen
invitation-unknown = Diese Einladung gibt es nicht, oder sie ist benutzt oder abgelaufen.
list-full = Diese Liste ist voll. Nimm zuerst etwas davon weg.

panel-label = Chat
panel-close = Chat schließen
panel-forgets = Dieser Browser speichert nichts für den Chat: Wenn du diese Seite verlässt, kennt er dich nicht mehr.
panel-unvouched = Die Seite um den Chat konnte nicht sagen, wer du bist.
panel-sign-in-apart = Das Fenster zum Anmelden ist offen, aber diese Seite ist von ihm getrennt. Mach in jenem Fenster weiter.

## Rooms of visitors

desk-waiting =
    { $count ->
        [one] { $count } Unterhaltung wartet auf eine Antwort.
       *[other] { $count } Unterhaltungen warten auf eine Antwort.
    }
desk-empty = Noch hat niemand geschrieben.
desk-more = Das sind die { $limit } Unterhaltungen mit den neuesten Nachrichten. Schließe die, die erledigt sind.
desk-unread = Ungelesene Nachrichten:
desk-again = Noch einmal nachsehen
desk-own = Diese Unterhaltung ist zwischen dir und denen, die hier antworten. Sonst kann sie niemand lesen.

## The demo

demo = Ein Laden für Hüte
demo-why = Diese Seite steht für eine Website von dir. Der Chat an ihrer Seite kommt mit einer Zeile:
demo-bowler = Melone
demo-straw = Strohhut
demo-beanie = Mütze
demo-ask = Frag uns nach Hüten
