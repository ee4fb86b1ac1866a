# Les mots de la page en français. Leur sens se trouve dans en.ftl.

## The language itself

language-name = Français
language-direction = ltr

## The frame of a room

skip = Aller à la zone de saisie
start = Millchat : ouvrir un nouveau salon
room = Salon
copy-link = Copier le lien
link-copied = Lien copié
menu = Menu
new-room = Nouveau salon
new-private-room = Nouveau salon privé
notify = Me notifier des nouveaux messages
notify-mentions = Seulement quand on me mentionne
notify-sound = Avec un son
notify-forbidden = Ce navigateur n’autorise pas la page à vous notifier. C’est dans ses réglages pour ce site.
notify-impossible = Ce navigateur ne sait pas afficher de notifications pour une page.
language = Langue
lately = Vos derniers salons
lately-forget = Oublier ces salons
messages = Messages
people = Personnes
who-is-here = Qui est là
here =
    { $count ->
        [one] { $count } présent
       *[other] { $count } présents
    }
nobody-named = Personne n’a encore de nom.
and-more =
    { $count ->
        [one] et { $count } autre
       *[other] et { $count } autres
    }
licences = Licences
quiet = C’est calme ici.
quiet-hint = Écrivez le premier mot, ou envoyez le lien à quelqu’un.
room-is-closed = Ce salon est fermé à l’écriture.
draft-kept = Votre brouillon est conservé jusqu’à la réouverture du salon :
no-script = Sans JavaScript, rien de nouveau n’arrive tout seul.
no-script-reload = Recharger pour voir les nouveautés
connection-gone = La connexion est perdue. Tentative de reconnexion…
connection-back = De nouveau connecté.
to-newest = Vers les derniers
new-messages =
    { $count ->
        [one] { $count } nouveau
       *[other] { $count } nouveaux
    }
new-line = Nouveau
# Read out by a screen reader when a message arrives
said = { $name } : { $text }
typing =
    { $count ->
        [one] { $names } écrit…
       *[other] { $names } écrivent…
    }
typing-many = Plusieurs personnes écrivent…
answering = { $name } écrit une réponse
answering-waiting = va répondre…
answering-thinking = réfléchit…
answering-writing = écrit…
answering-absent = ne peut pas encore répondre : le modèle de langage est absent. Il réessaie.
answering-busy = ne peut pas répondre : trop de questions attendent. Redemandez plus tard.
answering-limit = ne peut pas répondre : trop de demandes. Redemandez plus tard.
answering-model = ne peut pas répondre : son modèle de langage manque ou a refusé la question.
answering-late = ne peut pas répondre : cela a pris trop de temps. Redemandez.
answering-broke = s’est interrompu au milieu de sa réponse. Redemandez.
answering-empty = n’a rien à dire à ce sujet.
answering-spent = ne peut pas répondre : son quota du jour est épuisé.
answering-stop = Arrêter
answering-stop-failed = La réponse n’a pas été arrêtée : { $why }
joined =
    { $count ->
        [one] { $names } vient d’arriver
       *[other] { $names } viennent d’arriver
    }
left =
    { $count ->
        [one] { $names } a quitté le salon
       *[other] { $names } ont quitté le salon
    }

## Messages

edited = modifié
you = vous
bot = bot
deleted = Ce message a été supprimé.
deleted-by = Ce message a été supprimé par { $name }.
quote-gone = Ce message n’est plus conservé.
deleted-many =
    { $count ->
        [one] { $count } message a été supprimé.
       *[other] { $count } messages ont été supprimés.
    }
show-more = Afficher plus
show-less = Afficher moins
older = Afficher les messages précédents
between = Afficher ce qu’il y a entre les deux
begins = C’est ici que le salon commence.
older-gone = Les messages plus anciens ne sont plus conservés.
gap = Les messages qui suivaient ne sont plus conservés.
gap-damage = Des messages sont ici endommagés et illisibles.
reset = Le chat a recommencé à zéro. Voici ce qu’il contient maintenant.
link-gone = Le message auquel mène le lien n’est plus ici.
room-closed = Le salon a été fermé à l’écriture.
room-closed-by = Le salon a été fermé à l’écriture par { $name }.
room-opened = Le salon est de nouveau ouvert à l’écriture.
room-opened-by = Le salon a été rouvert à l’écriture par { $name }.
room-emptied = Le salon a été vidé.
room-emptied-by = Le salon a été vidé par { $name }.

## Search

search = Rechercher
search-room = Rechercher dans ce salon
search-hint = Trouve les messages qui contiennent tous ces mots, en entier. La casse et les accents ne comptent pas.
search-results = Messages trouvés
search-none = Aucun message de ce salon ne contient tous ces mots.
search-none-yet = Rien pour l’instant. Il reste des messages plus anciens à parcourir.
search-older = Résultats plus anciens
search-back = Retour au salon
search-no-word = Saisissez au moins un mot à rechercher.
search-too-long = La recherche fait { $bytes } octets ; le maximum est { $limit }.
search-too-many =
    { $count ->
        [one] La recherche contient { $count } mot ; le maximum est { $limit }.
       *[other] La recherche contient { $count } mots différents ; le maximum est { $limit }.
    }

## Writing

write = Écrire
message = Message
message-hint = Écrire un message
keys = Entrée envoie, Maj et Entrée commence une nouvelle ligne, la flèche vers le haut modifie votre dernier message.
# The name of the list of people that opens when one types @
mentionable = Personnes à mentionner
send = Envoyer
send-by-key = Envoyer (Entrée)
writing-as = Vous écrivez en tant que { $name }
rename = Changer de nom
your-name = Votre nom, pour écrire ici
your-new-name = Votre nouveau nom
name-hint = Ada
save = Enregistrer
join = Participer
name-waiting = Le nom n’est pas encore enregistré. En attente de la connexion…
name-unanswered = Le nom n’est pas enregistré : le serveur n’a pas répondu.
name-status = Le nom n’est pas enregistré : le serveur a répondu { $status }.
editing = Vous modifiez votre message. Échap le laisse tel quel.
editing-delete = Le supprimer
cancel = Annuler
reply = Répondre
replying = Réponse à
react = Réagir
edit = Modifier
delete = Supprimer
delete-question = Supprimer ce message pour tout le monde ?
keep = Le garder
edit-failed = La modification n’est pas enregistrée. { $why }
delete-failed = Le message n’est pas supprimé. { $why }
react-failed = La réaction n’est pas enregistrée. { $why }
no-answer = Le serveur n’a pas répondu ; réessayez.

## Messages on their way

outbox = Pas encore envoyés
waiting = En attente…
sending = Envoi…
sent = Envoyé
waiting-connection = En attente de la connexion…
trying-again = { $why } Nouvel essai…
not-sent = Non envoyé. { $why }
try-again = Réessayer
discard = Abandonner
unsent-other-name = Vous l’avez écrit sous un autre nom.
unsent-old = Il a été écrit il y a longtemps.
unsent-unknown = Le serveur ne vous connaît plus. Choisissez de nouveau votre nom, puis réessayez.
unsent-refused = Le serveur l’a refusé : il n’y a rien à y voir, ou sa clé a déjà servi.
unsent-fast = Vous envoyez plus vite que ce serveur ne le permet.
unsent-unclear = Le serveur n’a pas pu dire s’il a été enregistré. Réessayer lève le doute et ne l’envoie jamais deux fois.
unsent-busy = Le serveur n’accepte pas de messages pour le moment.
unsent-status = Le serveur a répondu { $status }.

## Connexion

# Pour les lecteurs d’écran, après le nom d’une personne connectée. La page montre une marque
user-mark = compte connecté
sign-in = Se connecter
sign-in-at = Se connecter avec { $login }
sign-in-guest = Ici, vous êtes { $name }. Une fois connecté, vous pourrez toujours modifier et supprimer ce que vous avez écrit.
sign-in-not = Continuer sans se connecter
sign-in-other = Ou se connecter avec un autre compte
continue-as = Continuer en tant que { $name }
account = Votre compte
account-name = Nom
account-login = Connexion par
account-until = Connexion valable jusqu’au
sign-out = Se déconnecter
sign-out-everywhere = Se déconnecter de tous les appareils
sign-out-hint = Après la déconnexion, vous ne pourrez plus modifier ce que vous avez écrit comme invité avant de vous connecter.
sign-out-onward = Vous êtes déconnecté ici. La déconnexion se poursuit chez le fournisseur.
go-on = Continuer
signed-in-done = Vous êtes connecté en tant que { $name }. Vous pouvez fermer cette fenêtre.
sign-in-none = Vous n’êtes pas connecté.
signed-in-ask = Le chat à côté de la page d’où vous venez peut vous connaître comme { $name }.
signed-in-alone = Vous êtes connecté en tant que { $name }. Le navigateur sépare cette fenêtre de la page d’où vous venez : le chat continue donc ici.
signed-in-unanswered = Le chat est injoignable. Réessayez.
sign-in-failed = Vous n’êtes pas connecté
sign-in-expired = Cette connexion a expiré ou a déjà servi. Veuillez recommencer.
sign-in-refused = Le fournisseur, ou l’exploitant de ce chat, ne vous laisse pas entrer avec ce compte.
sign-in-invalid = La réponse du fournisseur n’a pas passé un contrôle : personne n’a été connecté. L’exploitant trouvera la raison dans le journal du serveur.
provider-unreachable = Le fournisseur ne répond pas comme il faut. Veuillez réessayer plus tard.
sign-in-busy = Trop de personnes se connectent. Revenez dans un instant.
no-login = Ce moyen de connexion n’existe pas ici.
no-logins = Sur ce chat, personne ne se connecte ; un nom suffit.
sign-in-again = Se connecter à nouveau

## What goes wrong

failure-missing = Il n’y a rien ici
failure-refused = Cela n’a pas marché
failure-server = Le serveur ne peut pas faire cela pour le moment
open-room = Ouvrir un nouveau salon
go-to-room = Aller à { $room }

no-page = Il n’y a rien à cette adresse.
no-file = Il n’y a pas de fichier de ce nom ici.
room-name-rule = Le nom d’un salon compte de 1 à { $limit } caractères parmi A-Z a-z 0-9 _ - et n’est aucun de ceux-ci : { $names }.
wrong-method = Cette adresse n’accepte que { $methods }.
wrong-message = Un message est désigné par un nombre.
wrong-type = Un message s’envoie en application/json ou par un formulaire.
malformed = Il n’est pas possible de répondre à cette requête.
other-site = Les requêtes d’autres sites ne sont pas acceptées ici.
other-origin = Cet envoi vient d’une page à l’adresse { $origin }, mais le serveur a été appelé { $host } ; il la prend donc pour celle d’un autre site. Si c’est bien la page de ce chat, l’opérateur doit régler { $setting } sur { $origin }, ou faire transmettre par le proxy l’en-tête { $header } avec son port.
other-public-url = Cet envoi vient d’une page à l’adresse { $origin }, mais ce chat se trouve à { $public }. Ouvrez-le là-bas. Si { $origin } est aussi son adresse, l’opérateur doit corriger { $setting }.
hidden-origin = Votre navigateur ne dit pas de quelle page vient cet envoi ({ $origin }) ; le serveur le prend donc pour celui d’un autre site. La page se trouve peut-être dans un cadre isolé, ou une extension du navigateur cache son adresse.
no-name = Choisissez d’abord un nom ; ensuite vous pourrez écrire.
body-too-large = Ce qui a été envoyé dépasse la limite de { $limit } octets.
body-slow = Ce qui a été envoyé n’est pas arrivé en { $limit } secondes.
body-broken = Ce qui a été envoyé s’est arrêté trop tôt.
too-busy = Trop de choses attendent. Revenez dans un instant.
limited =
    { $count ->
        [one] C’est plus que ce serveur ne permet à la fois. Réessayez dans { $count } seconde.
       *[other] C’est plus que ce serveur ne permet à la fois. Réessayez dans { $count } secondes.
    }
name-invisible = Un nom doit avoir au moins un caractère visible.
name-too-long = Le nom compte { $graphemes } caractères en { $bytes } octets ; la limite est de { $graphemes-max } caractères et { $bytes-max } octets.
name-like-tag = Un nom ne peut pas finir par # et quatre à huit lettres ou chiffres : on le prendrait pour l’étiquette de quelqu’un.
name-of-account = Votre nom vient du service où vous vous êtes connecté ; c’est là que vous pouvez le changer.
message-invisible = Un message doit avoir au moins un caractère visible.
message-too-long = Le message fait { $bytes } octets ; la limite est de { $limit }.
key-invalid = La clé du message fait { $bytes } octets ; il en faut de 1 à { $limit }.
key-reused = La clé du message a déjà servi, pour un autre texte ou dans un autre salon.
banned = Vous êtes banni : l’opérateur de ce serveur ne vous laisse pas écrire.
message-unknown = Ce message n’existe pas.
message-deleted = Le message a été supprimé.
message-edited-often = Le message a été modifié autant de fois que possible.
message-reactions = Ce message ne peut pas avoir plus de réactions.
reaction-unknown = Cette réaction n’existe pas.
message-others = Ce message est à quelqu’un d’autre.
disk-full = Le disque du serveur est plein.
not-now = Le serveur n’accepte rien pour le moment.
unclear = On ne sait pas si le message a été enregistré. Réessayer lève le doute.
unreadable = Le serveur ne peut pas lire ses messages.

## Rooms that not everybody may use

denied-title = Ce salon est réservé à ses membres
denied-nobody = On ne sait pas qui vous êtes, ni donc si vous en faites partie.
denied-known = Vous êtes ici en tant que { $name }, qui n’en fait pas partie.
denied-unknown-room = Il n’y a pas de salon de ce nom ici.
denied-not-member = Ce salon est réservé à ses membres, et vous n’en faites pas partie.
denied-read-only = Vous pouvez lire ce salon, mais pas y écrire.
denied-needs-role = Seules les personnes ayant plus de droits dans ce salon peuvent faire cela.
denied-no-new-rooms = Vous ne pouvez pas ouvrir de nouveau salon ici.
denied-banned = Vous êtes banni et ne pouvez pas écrire ici.
denied-ended = Vous ne pouvez plus lire ce salon.
denied-signed-out = Vous n’êtes plus connecté et ne pouvez plus lire ici.

## Modération

flag = Signaler
flag-question = Signaler ce message aux modérateurs ?
flag-reason = Pourquoi ? (facultatif)
flagged = Signalé. Les modérateurs de ce salon peuvent le voir.
ban = Bannir
ban-question = Bannir { $name } de ce salon ?
ban-time = Pour combien de temps
ban-hour = Une heure
ban-day = Un jour
ban-week = Une semaine
ban-ever = Définitivement
ban-all = Supprimer aussi tous ses messages ici
ban-done = { $name } est banni de ce salon.
close-dialog = Fermer
deed-failed = Cela n’a pas été fait. { $why }
moderation = Modération
close-room = Fermer le salon à l’écriture
open-again = Rouvrir le salon
empty-room = Supprimer tous les messages
empty-sure = Oui, tous les messages de ce salon, pour tout le monde
flags = Messages signalés
flags-none = Rien n’est signalé.
flag-clear = Rien à redire
flagged-by = Signalé par { $name } :
bans = Bannissements
bans-none = Personne n’est banni de ce salon.
done-by = par { $name },
until = jusqu’au
unban = Laisser revenir
members = Membres
members-none = Personne n’a reçu de rôle ici.
member-remove = Retirer le rôle
role-reader = Lecteur
role-writer = Auteur
role-moderator = Modérateur
role-owner = Propriétaire
invitations = Invitations
invite = Créer une invitation
invitation-role = Elle donne le rôle
invitation-time = Valable
days =
    { $count ->
        [one] { $count } jour
       *[other] { $count } jours
    }
invitation-uses-max = Nombre d’utilisations
invitation-uses =
    { $count ->
        [one] Encore { $count } utilisation
       *[other] Encore { $count } utilisations
    }
invitation-end = La retirer
invitation-made = Le lien de la nouvelle invitation. Il n’est affiché que maintenant :
invitation = Vous êtes invité
invitation-have = J’ai une invitation
invitation-link = Le lien de l’invitation
invitation-use = Accepter
invitation-unknown = Cette invitation n’existe pas, ou elle a été utilisée ou a expiré.
list-full = Cette liste est pleine. Retirez-en d’abord un élément.

panel-label = Discussion
panel-close = Fermer la discussion
panel-forgets = Ce navigateur ne garde rien pour la discussion : quand vous quitterez cette page, il ne vous connaîtra plus.
panel-unvouched = La page autour du chat n’a pas pu dire qui vous êtes.
panel-sign-in-apart = La fenêtre de connexion est ouverte, mais cette page en est séparée. Continuez dans cette fenêtre.

## Rooms of visitors

desk-waiting =
    { $count ->
        [one] { $count } conversation attend une réponse.
       *[other] { $count } conversations attendent une réponse.
    }
desk-empty = Personne n’a encore écrit.
desk-more = Voici les { $limit } conversations dont les messages sont les plus récents. Fermez celles qui sont terminées.
desk-unread = Messages non lus :
desk-again = Regarder de nouveau
desk-own = Cette conversation est entre vous et les personnes qui répondent ici. Personne d’autre ne peut la lire.

## The demo

demo = Un magasin de chapeaux
demo-why = Cette page représente un site à vous. Le chat à son côté vient avec une ligne :
demo-bowler = Chapeau melon
demo-straw = Chapeau de paille
demo-beanie = Bonnet
demo-ask = Posez-nous une question sur les chapeaux
