# Las palabras de la página en español. Lo que significan está en en.ftl.

## The language itself

language-name = Español
language-direction = ltr

## The frame of a room

skip = Ir a escribir
start = Millchat: abrir una sala nueva
room = Sala
copy-link = Copiar enlace
link-copied = Enlace copiado
menu = Menú
new-room = Sala nueva
new-private-room = Nueva sala privada
notify = Avísame de los mensajes nuevos
notify-mentions = Solo cuando alguien me mencione
notify-sound = Con un sonido
notify-forbidden = Este navegador no deja que la página te avise. Está en su configuración para este sitio.
notify-impossible = Este navegador no puede mostrar notificaciones de una página.
language = Idioma
lately = Tus últimas salas
lately-forget = Olvidar estas salas
messages = Mensajes
people = Personas
who-is-here = Quién está aquí
here = { $count } aquí
nobody-named = Aún no hay nadie con nombre.
and-more = y { $count } más
licences = Licencias
quiet = Aquí está todo en calma.
quiet-hint = Escribe la primera palabra o envía el enlace a alguien.
room-is-closed = Esta sala está cerrada: no se puede escribir.
draft-kept = Tu borrador se guarda hasta que la sala vuelva a abrirse:
no-script = Sin JavaScript, lo nuevo no llega por sí solo.
no-script-reload = Recargar para ver lo nuevo
connection-gone = Se perdió la conexión. Intentando recuperarla…
connection-back = Conectado de nuevo.
to-newest = A lo más nuevo
new-messages =
    { $count ->
        [one] { $count } nuevo
       *[other] { $count } nuevos
    }
new-line = Nuevo
# Read out by a screen reader when a message arrives
said = { $name }: { $text }
typing =
    { $count ->
        [one] { $names } está escribiendo…
       *[other] { $names } están escribiendo…
    }
typing-many = Varias personas están escribiendo…
answering = { $name } está escribiendo una respuesta
answering-waiting = va a responder…
answering-thinking = está pensando…
answering-writing = está escribiendo…
answering-absent = aún no puede responder: el modelo de lenguaje no está. Lo sigue intentando.
answering-busy = no puede responder: hay demasiadas preguntas en espera. Pregunta más tarde.
answering-limit = no puede responder: se le ha preguntado demasiado. Pregunta más tarde.
answering-model = no puede responder: falta su modelo de lenguaje o ha rechazado la pregunta.
answering-late = no puede responder: ha tardado demasiado. Pregunta otra vez.
answering-broke = se interrumpió a mitad de la respuesta. Pregunta otra vez.
answering-empty = no tiene nada que decir a esto.
answering-spent = no puede responder: ya ha gastado lo que puede decir hoy.
answering-stop = Parar
answering-stop-failed = La respuesta no se detuvo: { $why }
joined =
    { $count ->
        [one] { $names } ha entrado
       *[other] { $names } han entrado
    }
left =
    { $count ->
        [one] { $names } ha salido
       *[other] { $names } han salido
    }

## Messages

edited = editado
you = tú
bot = bot
deleted = Este mensaje fue eliminado.
deleted-by = { $name } eliminó este mensaje.
quote-gone = Este mensaje ya no se conserva.
deleted-many =
    { $count ->
        [one] Se eliminó { $count } mensaje.
       *[other] Se eliminaron { $count } mensajes.
    }
show-more = Ver más
show-less = Ver menos
older = Ver mensajes anteriores
between = Ver lo que hay en medio
begins = Aquí empieza la sala.
older-gone = Los mensajes anteriores ya no se conservan.
gap = Los mensajes a partir de aquí ya no se conservan.
gap-damage = Aquí hay mensajes dañados que no se pueden leer.
reset = El chat empezó de nuevo. Esto es lo que contiene ahora.
link-gone = El mensaje al que lleva el enlace ya no está aquí.
room-closed = Se cerró la sala: no se puede escribir.
room-closed-by = { $name } cerró la sala: no se puede escribir.
room-opened = Se abrió la sala: ya se puede escribir.
room-opened-by = { $name } abrió la sala: ya se puede escribir.
room-emptied = Se vació la sala.
room-emptied-by = { $name } vació la sala.

## Search

search = Buscar
search-room = Buscar en esta sala
search-hint = Encuentra los mensajes que contienen todas estas palabras, enteras. No importan las mayúsculas ni los acentos.
search-results = Mensajes encontrados
search-none = Ningún mensaje de esta sala contiene todas estas palabras.
search-none-yet = Nada por ahora. Quedan mensajes más antiguos por revisar.
search-older = Resultados anteriores
search-back = Volver a la sala
search-no-word = Escribe al menos una palabra para buscar.
search-too-long = La búsqueda ocupa { $bytes } bytes; el máximo es { $limit }.
search-too-many =
    { $count ->
        [one] La búsqueda tiene { $count } palabra; el máximo es { $limit }.
       *[other] La búsqueda tiene { $count } palabras distintas; el máximo es { $limit }.
    }

## Writing

write = Escribir
message = Mensaje
message-hint = Escribe un mensaje
keys = Intro envía, Mayús e Intro empieza una línea nueva, la flecha arriba edita tu último mensaje.
# The name of the list of people that opens when one types @
mentionable = Personas que puedes mencionar
send = Enviar
send-by-key = Enviar (Intro)
writing-as = Escribes como { $name }
rename = Cambiar nombre
your-name = Tu nombre, para escribir aquí
your-new-name = Tu nuevo nombre
name-hint = Ada
save = Guardar
join = Entrar
name-waiting = El nombre aún no se ha guardado. Esperando la conexión…
name-unanswered = El nombre no se guardó: el servidor no respondió.
name-status = El nombre no se guardó: el servidor respondió { $status }.
editing = Estás editando tu mensaje. Escape lo deja como estaba.
editing-delete = Eliminarlo
cancel = Cancelar
reply = Responder
replying = Respuesta a
react = Reaccionar
edit = Editar
delete = Eliminar
delete-question = ¿Eliminar este mensaje para todos?
keep = Conservarlo
edit-failed = El cambio no se guardó. { $why }
delete-failed = El mensaje no se eliminó. { $why }
react-failed = La reacción no se ha guardado. { $why }
no-answer = El servidor no respondió; inténtalo de nuevo.

## Messages on their way

outbox = Aún sin enviar
waiting = En espera…
sending = Enviando…
sent = Enviado
waiting-connection = Esperando la conexión…
trying-again = { $why } Otro intento…
not-sent = No enviado. { $why }
try-again = Reintentar
discard = Descartar
unsent-other-name = Lo escribiste con otro nombre.
unsent-old = Se escribió hace mucho.
unsent-unknown = El servidor ya no te conoce. Elige tu nombre otra vez y reinténtalo.
unsent-refused = El servidor lo rechazó: no hay nada que ver en él, o su clave ya se usó.
unsent-fast = Envías más rápido de lo que permite este servidor.
unsent-unclear = El servidor no pudo decir si se guardó. Reintentar lo aclara y nunca lo envía dos veces.
unsent-busy = El servidor no acepta mensajes en este momento.
unsent-status = El servidor respondió { $status }.

## Iniciar sesión

# Para lectores de pantalla, tras el nombre de quien ha iniciado sesión. La página muestra una marca
user-mark = con sesión iniciada
sign-in = Iniciar sesión
sign-in-at = Iniciar sesión con { $login }
sign-in-guest = Aquí eres { $name }. Cuando inicies sesión, podrás seguir editando y borrando lo que escribiste.
sign-in-not = Seguir sin iniciar sesión
sign-in-other = O iniciar sesión con otra cuenta
continue-as = Continuar como { $name }
account = Tu cuenta
account-name = Nombre
account-login = Sesión iniciada con
account-until = Sesión válida hasta
sign-out = Cerrar sesión
sign-out-everywhere = Cerrar sesión en todos los dispositivos
sign-out-hint = Después de cerrar sesión ya no podrás cambiar lo que escribiste como invitado antes de iniciarla.
sign-out-onward = Aquí ya has cerrado sesión. El cierre continúa en el proveedor.
go-on = Continuar
signed-in-done = Has iniciado sesión como { $name }. Puedes cerrar esta ventana.
sign-in-none = No has iniciado sesión.
signed-in-ask = El chat al lado de la página de la que vienes puede conocerte como { $name }.
signed-in-alone = Has iniciado sesión como { $name }. El navegador separa esta ventana de la página de la que vienes, así que el chat sigue aquí.
signed-in-unanswered = No se puede acceder al chat. Inténtalo de nuevo.
sign-in-failed = No has iniciado sesión
sign-in-expired = Este inicio de sesión ha caducado o ya se usó. Empieza de nuevo, por favor.
sign-in-refused = El proveedor, o quien administra este chat, no te deja entrar con esta cuenta.
sign-in-invalid = La respuesta del proveedor no superó una comprobación, así que no se inició ninguna sesión. Quien administra el chat encontrará el motivo en el registro del servidor.
provider-unreachable = El proveedor no responde como debería. Inténtalo más tarde, por favor.
sign-in-busy = Demasiadas personas están iniciando sesión. Vuelve en un momento.
no-login = Aquí no existe esa forma de iniciar sesión.
no-logins = En este chat nadie inicia sesión; basta con un nombre.
sign-in-again = Iniciar sesión de nuevo

## What goes wrong

failure-missing = Aquí no hay nada
failure-refused = Eso no funcionó
failure-server = El servidor no puede hacer eso ahora
open-room = Abrir una sala nueva
go-to-room = Ir a { $room }

no-page = No hay nada en esta dirección.
no-file = Aquí no existe ese archivo.
room-name-rule = El nombre de una sala tiene de 1 a { $limit } caracteres de A-Z a-z 0-9 _ - y no es ninguno de estos: { $names }.
wrong-method = Esta dirección solo acepta { $methods }.
wrong-message = Un mensaje se nombra con un número.
wrong-type = Un mensaje se envía como application/json o como formulario.
malformed = Esta petición no se puede responder.
other-site = Aquí no se aceptan peticiones de otros sitios.
other-origin = Esto lo envió una página en { $origin }, pero al servidor se le llamó { $host }; por eso la toma por la de otro sitio. Si es la página de este chat, el operador debe poner { $setting } en { $origin }, o hacer que el proxy transmita la cabecera { $header } con su puerto.
other-public-url = Esto lo envió una página en { $origin }, pero la dirección de este chat es { $public }. Abre el chat allí. Si { $origin } también es su dirección, el operador debe corregir { $setting }.
hidden-origin = Tu navegador no dice de qué página viene esto ({ $origin }); por eso el servidor lo toma por el de otro sitio. Puede que la página esté en un marco aislado, o que una extensión del navegador oculte su dirección.
no-name = Elige primero un nombre; después podrás escribir.
body-too-large = Lo enviado supera el límite de { $limit } bytes.
body-slow = Lo enviado no llegó en { $limit } segundos.
body-broken = Lo enviado terminó antes de tiempo.
too-busy = Hay demasiado en espera. Vuelve en un momento.
limited =
    { $count ->
        [one] Es más de lo que este servidor permite a la vez. Inténtalo de nuevo en { $count } segundo.
       *[other] Es más de lo que este servidor permite a la vez. Inténtalo de nuevo en { $count } segundos.
    }
name-invisible = Un nombre necesita al menos un carácter visible.
name-too-long = El nombre tiene { $graphemes } caracteres en { $bytes } bytes; el límite es de { $graphemes-max } caracteres y { $bytes-max } bytes.
name-like-tag = Un nombre no puede acabar en # y de cuatro a ocho letras o cifras: parecería la etiqueta de alguien.
name-of-account = Tu nombre viene del sitio donde iniciaste sesión; cámbialo allí.
message-invisible = Un mensaje necesita al menos un carácter visible.
message-too-long = El mensaje ocupa { $bytes } bytes; el límite es de { $limit }.
key-invalid = La clave del mensaje ocupa { $bytes } bytes; debe tener de 1 a { $limit }.
key-reused = La clave del mensaje ya se usó para otro texto o en otra sala.
banned = No puedes escribir: el operador de este servidor te ha vetado.
message-unknown = Ese mensaje no existe.
message-deleted = El mensaje fue eliminado.
message-edited-often = El mensaje se editó tantas veces como es posible.
message-reactions = El mensaje no puede tener más reacciones.
reaction-unknown = Esa reacción no existe.
message-others = El mensaje es de otra persona.
disk-full = El disco del servidor está lleno.
not-now = El servidor no acepta nada en este momento.
unclear = No se sabe si el mensaje se guardó. Reintentar lo aclara.
unreadable = El servidor no puede leer sus mensajes.

## Rooms that not everybody may use

denied-title = Esta sala es para sus miembros
denied-nobody = No se sabe quién eres, así que no se sabe si eres uno de ellos.
denied-known = Estás aquí como { $name }, que no es miembro.
denied-unknown-room = Aquí no hay ninguna sala con ese nombre.
denied-not-member = Esta sala es para sus miembros y tú no eres uno de ellos.
denied-read-only = Puedes leer esta sala, pero no escribir en ella.
denied-needs-role = Solo pueden hacerlo quienes tienen más permisos en esta sala.
denied-no-new-rooms = Aquí no puedes abrir una sala nueva.
denied-banned = Tienes un veto y no puedes escribir aquí.
denied-ended = Ya no puedes leer esta sala.
denied-signed-out = Ya no tienes una sesión iniciada, así que no puedes seguir leyendo.

## Moderación

flag = Denunciar
flag-question = ¿Denunciar este mensaje a los moderadores?
flag-reason = ¿Por qué? (opcional)
flagged = Denunciado. Los moderadores de esta sala pueden verlo.
ban = Vetar
ban-question = ¿Vetar a { $name } en esta sala?
ban-time = Por cuánto tiempo
ban-hour = Una hora
ban-day = Un día
ban-week = Una semana
ban-ever = Para siempre
ban-all = Borrar también todos sus mensajes aquí
ban-done = { $name } tiene un veto en esta sala.
close-dialog = Cerrar
deed-failed = No se ha hecho. { $why }
moderation = Moderación
close-room = Cerrar la sala a nuevos mensajes
open-again = Abrir la sala de nuevo
empty-room = Borrar todos los mensajes
empty-sure = Sí, todos los mensajes de esta sala, para todos
flags = Mensajes denunciados
flags-none = No hay nada denunciado.
flag-clear = Está bien
flagged-by = Denunciado por { $name }:
bans = Vetos
bans-none = Nadie tiene un veto en esta sala.
done-by = por { $name },
until = hasta
unban = Dejar volver
members = Miembros
members-none = Nadie ha recibido un papel aquí.
member-remove = Quitar el papel
role-reader = Lector
role-writer = Autor
role-moderator = Moderador
role-owner = Propietario
invitations = Invitaciones
invite = Crear una invitación
invitation-role = Da el papel de
invitation-time = Válida
days =
    { $count ->
        [one] { $count } día
       *[other] { $count } días
    }
invitation-uses-max = Cuántas veces se puede usar
invitation-uses =
    { $count ->
        [one] Se puede usar { $count } vez más
       *[other] Se puede usar { $count } veces más
    }
invitation-end = Retirarla
invitation-made = El enlace de la nueva invitación. Solo se muestra ahora:
invitation = Tienes una invitación
invitation-have = Tengo una invitación
invitation-link = El enlace de la invitación
invitation-use = Aceptar
invitation-unknown = Esa invitación no existe, ya se usó o ha caducado.
list-full = Esta lista está llena. Quita algo primero.

panel-label = Chat
panel-close = Cerrar el chat
panel-forgets = Este navegador no guarda nada para el chat: cuando salgas de esta página, ya no te conocerá.
panel-unvouched = La página que rodea el chat no pudo decir quién eres.
panel-sign-in-apart = La ventana para iniciar sesión está abierta, pero esta página está separada de ella. Sigue en esa ventana.

## Rooms of visitors

desk-waiting =
    { $count ->
        [one] { $count } conversación espera respuesta.
       *[other] { $count } conversaciones esperan respuesta.
    }
desk-empty = Todavía no ha escrito nadie.
desk-more = Estas son las { $limit } conversaciones con los mensajes más recientes. Cierra las que estén terminadas.
desk-unread = Mensajes sin leer:
desk-again = Mirar otra vez
desk-own = Esta conversación es entre tú y las personas que responden aquí. Nadie más puede leerla.

## The demo

demo = Una tienda de sombreros
demo-why = Esta página representa un sitio tuyo. El chat a su lado viene con una línea:
demo-bowler = Bombín
demo-straw = Sombrero de paja
demo-beanie = Gorro
demo-ask = Pregúntanos por los sombreros
