# The messages of the page in English. This catalogue is complete; messages that another one lacks are taken from it.
# `$count` decides the form; other variables are inserted unchanged.

## The language itself

language-name = English
# ltr or rtl
language-direction = ltr

## The frame of a room

skip = Skip to writing
start = Millchat: open a new room
room = Room
copy-link = Copy link
link-copied = Link copied
menu = Menu
new-room = New room
new-private-room = New private room
notify = Notify me of new messages
notify-mentions = Only when somebody mentions me
notify-sound = Play a sound with it
notify-forbidden = This browser does not let the page notify you. Its settings for this site say so.
notify-impossible = This browser cannot show notifications for a page.
language = Language
lately = Rooms you were in lately
lately-forget = Forget these rooms
messages = Messages
people = People
who-is-here = Who is here
# In the header and above the list of people
here = { $count } here
nobody-named = Nobody with a name yet.
# The people who are here and not in the list
and-more =
    { $count ->
        [one] and { $count } more
       *[other] and { $count } more
    }
licences = Licences
quiet = It is quiet here.
quiet-hint = Say the first word, or send the link to somebody.
room-is-closed = This room is closed to writing.
draft-kept = Your draft is kept until the room is open again:
no-script = Without JavaScript nothing new arrives by itself.
no-script-reload = Reload to see what is new
connection-gone = The connection is gone. Trying to get it back…
connection-back = Connected again.
to-newest = To the newest
# On the button that leads to the new messages
new-messages = { $count } new
# Above the first message that its reader has not seen
new-line = New
# Read out by a screen reader when a message arrives
said = { $name }: { $text }
# $names: one to three people, as a list
typing =
    { $count ->
        [one] { $names } is typing…
       *[other] { $names } are typing…
    }
typing-many = Several people are typing…
# Read out by a screen reader when a bot begins an answer. $name: the bot
answering = { $name } is writing an answer
# Behind the name of a bot, while it answers and when it cannot
answering-waiting = will answer…
answering-thinking = is thinking…
answering-writing = is writing…
answering-absent = cannot answer yet: the language model is not there. It tries again.
answering-busy = cannot answer: too many questions are waiting. Ask again later.
answering-limit = cannot answer: it was asked too often. Ask again later.
answering-model = cannot answer: its language model is missing or refused the question.
answering-late = cannot answer: it took too long. Ask again.
answering-broke = stopped in the middle of its answer. Ask again.
answering-empty = has nothing to say to this.
answering-spent = cannot answer: it has used up what it may say today.
# A button: the bot ends its answer
answering-stop = Stop
answering-stop-failed = The answer was not stopped: { $why }
# $names: one to three people, as a list
joined = { $names } joined
left = { $names } left

## Messages

edited = edited
# After one's own name
you = you
# After a program's name
bot = bot
deleted = This message was deleted.
deleted-by = This message was deleted by { $name }.
quote-gone = This message is no longer kept.
deleted-many =
    { $count ->
        [one] { $count } message was deleted.
       *[other] { $count } messages were deleted.
    }
# Below a long text, of which only the beginning is shown, or all
show-more = Show more
show-less = Show less
older = Show older messages
between = Show what lies in between
begins = This is where the room begins.
older-gone = Older messages are no longer kept.
gap = Messages from here are no longer kept.
gap-damage = Some messages here are damaged and cannot be read.
reset = The chat was started anew. This is what it holds now.
link-gone = The message that the link leads to is not here any more.
room-closed = The room was closed to writing.
room-closed-by = The room was closed to writing by { $name }.
room-opened = The room was opened to writing again.
room-opened-by = The room was opened to writing again by { $name }.
room-emptied = The room was emptied.
room-emptied-by = The room was emptied by { $name }.

## Search

search = Search
search-room = Search this room
search-hint = Finds the messages that have all of these words, as whole words. Case and accents do not matter.
search-results = Messages found
search-none = No message of this room has all of these words.
search-none-yet = Nothing found so far. There are older messages to look through.
search-older = Older results
search-back = Back to the room
search-no-word = Type at least one word to search for.
search-too-long = This search is { $bytes } bytes long; { $limit } are possible.
search-too-many =
    { $count ->
        [one] This search has { $count } word; { $limit } are possible.
       *[other] This search has { $count } different words; { $limit } are possible.
    }

## Writing

# The name of the part of the page with the field to write in
write = Write
message = Message
message-hint = Write a message
keys = Enter sends, Shift and Enter begins a new line, Arrow up edits your last message.
# The name of the list of people that opens when one types @
mentionable = People to mention
send = Send
send-by-key = Send (Enter)
writing-as = Writing as { $name }
rename = Change name
your-name = Your name, to write here
your-new-name = Your new name
# A name, as an example in an empty field
name-hint = Ada
save = Save
join = Join
name-waiting = The name is not saved yet. Waiting for the connection…
name-unanswered = The name is not saved: the server did not answer.
name-status = The name is not saved: the server answered { $status }.
editing = Editing your message. Escape leaves it as it was.
# The message that is being edited
editing-delete = Delete it
cancel = Cancel
reply = Reply
# Before the quote of the message that one replies to
replying = Replying to
react = React
edit = Edit
delete = Delete
delete-question = Delete this message for everybody?
keep = Keep it
edit-failed = The change is not saved. { $why }
delete-failed = The message is not deleted. { $why }
react-failed = The reaction is not saved. { $why }
no-answer = The server did not answer; try again.

## Messages on their way

outbox = Not sent yet
waiting = Waiting…
sending = Sending…
sent = Sent
waiting-connection = Waiting for the connection…
# $why: a sentence
trying-again = { $why } Trying again…
not-sent = Not sent. { $why }
try-again = Try again
discard = Discard
unsent-other-name = It was written under another name of yours.
unsent-old = It was written long ago.
unsent-unknown = The server does not know you any more. Choose your name again, then try again.
unsent-refused = The server refused it: there is nothing to see in it, or its key was used before.
unsent-fast = You send faster than this server allows.
unsent-unclear = The server could not say whether it was stored. Trying again settles it, and never sends it twice.
unsent-busy = The server takes no messages right now.
unsent-status = The server answered { $status }.

## Signing in

# For screen readers, after the name of somebody who signed in. The page shows a mark
user-mark = signed in
sign-in = Sign in
sign-in-at = Sign in with { $login }
sign-in-guest = You are here as { $name }. When you sign in, you can still edit and delete what you wrote.
sign-in-not = Go on without signing in
sign-in-other = Or sign in with another account
continue-as = Continue as { $name }
account = Your account
account-name = Name
account-login = Signed in with
account-until = Signed in until
sign-out = Sign out
sign-out-everywhere = Sign out on all devices
sign-out-hint = After you sign out, you can no longer change what you wrote as a guest before you signed in.
sign-out-onward = You are signed out here. The sign-out goes on at the provider.
go-on = Continue
signed-in-done = You are signed in as { $name }. You can close this window.
sign-in-none = You are not signed in.
signed-in-ask = The chat at the side of the page that you came from can know you as { $name }.
signed-in-alone = You are signed in as { $name }. The browser keeps this window apart from the page that you came from, so the chat goes on here.
signed-in-unanswered = The chat cannot be reached. Try again.
sign-in-failed = You are not signed in
sign-in-expired = This sign-in has run out, or it was used already. Please begin again.
sign-in-refused = The provider, or the operator of this chat, does not let you in with this account.
sign-in-invalid = The provider’s answer did not pass a check, so nobody was signed in. The operator finds the reason in the server’s log.
provider-unreachable = The provider does not answer as it should. Please try again later.
sign-in-busy = Too many people are signing in. Come back in a moment.
no-login = There is no such way to sign in.
no-logins = Nobody signs in at this chat; a name is enough.
sign-in-again = Sign in again

## What goes wrong

# The heading above the sentence that says it
failure-missing = There is nothing here
failure-refused = That did not work
failure-server = The server cannot do that right now
open-room = Open a new room
# $room: the name of the room that may be meant
go-to-room = Go to { $room }

no-page = There is nothing at this address.
no-file = There is no such file here.
room-name-rule = A room’s name is 1 to { $limit } of A-Z a-z 0-9 _ -, and none of { $names }.
wrong-method = This address takes only { $methods }.
wrong-message = A message is named by a number.
wrong-type = A message is sent as application/json, or as a form.
malformed = The request is not one that can be answered.
other-site = Requests from other sites are not taken here.
other-origin = This was sent by a page at { $origin }, but the server was asked as { $host }, so it takes the page for another site’s. If it is the chat’s own page, the operator has to set { $setting } to { $origin }, or have the proxy pass on the header { $header } with its port.
other-public-url = This was sent by a page at { $origin }, but this chat’s address is { $public }. Open the chat there. If { $origin } is its address too, the operator has to correct { $setting }.
hidden-origin = Your browser does not say which page this came from ({ $origin }), so the server takes it for another site’s. The page may be in a sandboxed frame, or an extension of the browser hides its address.
no-name = Choose a name first; then you can write.
body-too-large = What was sent is over the limit of { $limit } bytes.
body-slow = What was sent did not arrive within { $limit } seconds.
body-broken = What was sent ended early.
too-busy = Too much is waiting. Come back in a moment.
limited =
    { $count ->
        [one] That is more than this server allows at once. Come back in { $count } second.
       *[other] That is more than this server allows at once. Come back in { $count } seconds.
    }
name-invisible = A name needs at least one visible character.
name-too-long = The name has { $graphemes } characters in { $bytes } bytes; the limit is { $graphemes-max } characters and { $bytes-max } bytes.
name-like-tag = A name cannot end in # and four to eight letters or digits: it would look like somebody’s tag.
name-of-account = Your name comes from where you signed in; it is changed there.
message-invisible = A message needs at least one visible character.
message-too-long = The message is { $bytes } bytes; the limit is { $limit }.
key-invalid = The message’s key is { $bytes } bytes; it must be 1 to { $limit }.
key-reused = The message’s key was used before, for another text or in another room.
banned = You are banned: the operator of this server does not let you write.
message-unknown = There is no such message.
message-deleted = The message was deleted.
message-edited-often = The message was edited as often as it can be.
message-reactions = The message has as many reactions as it can have.
reaction-unknown = There is no such reaction.
message-others = The message is somebody else’s.
disk-full = The server’s disk is full.
not-now = The server takes nothing right now.
unclear = It is unknown whether the message was stored. Trying again settles it.
unreadable = The server cannot read its messages.

## Rooms that not everybody may use

denied-title = This room is for its members
denied-nobody = You are not known here, so it is not known if you are one of them.
denied-known = You are here as { $name }, who is none of them.
denied-unknown-room = There is no room of this name here.
denied-not-member = This room is for its members, and you are none of them.
denied-read-only = You can read this room, but not write in it.
denied-needs-role = Only people with more rights in this room can do that.
denied-no-new-rooms = You cannot open a new room here.
denied-banned = You are banned, and cannot write here.
denied-ended = You can no longer read this room.
denied-signed-out = You are no longer signed in, so you cannot read on here.

## Moderation

flag = Report
flag-question = Report this message to the moderators?
flag-reason = Why? (you can leave this empty)
flagged = Reported. The moderators of this room can see it.
ban = Ban
# The question before it; $name is a person
ban-question = Ban { $name } from this room?
ban-time = For how long
ban-hour = One hour
ban-day = One day
ban-week = One week
ban-ever = For good
ban-all = Also delete all their messages here
ban-done = { $name } is banned from this room.
close-dialog = Close
deed-failed = That was not done. { $why }
moderation = Moderation
close-room = Close the room to writing
open-again = Open the room again
empty-room = Delete all messages
empty-sure = Yes, all messages of this room, for everybody
flags = Reported messages
flags-none = Nothing is reported.
flag-clear = Nothing wrong with it
# $name: who reported it
flagged-by = Reported by { $name }:
bans = Bans
bans-none = Nobody is banned from this room.
# $name: who gave a role, made an invitation or banned somebody
done-by = by { $name },
# A date follows
until = until
unban = Let back in
members = Members
members-none = Nobody was given a role here.
member-remove = Take the role away
role-reader = Reader
role-writer = Writer
role-moderator = Moderator
role-owner = Owner
invitations = Invitations
invite = Make an invitation
invitation-role = It makes people
invitation-time = Good for
days =
    { $count ->
        [one] { $count } day
       *[other] { $count } days
    }
invitation-uses-max = How often it can be used
invitation-uses =
    { $count ->
        [one] Can be used { $count } more time
       *[other] Can be used { $count } more times
    }
invitation-end = Take it back
invitation-made = The link of the new invitation. It is shown only now:
invitation = You are invited
invitation-have = I have an invitation
invitation-link = The link of the invitation
invitation-use = Accept
invitation-unknown = There is no such invitation, or it was used or has expired.
list-full = This list is full. Take something off it first.

panel-label = Chat
panel-close = Close the chat
panel-forgets = This browser keeps nothing for the chat: when you leave this page, it no longer knows you.
panel-unvouched = The page around the chat could not say who you are.
panel-sign-in-apart = The window for signing in is open, but this page is kept apart from it. Go on in that window.

## Rooms of visitors

desk-waiting =
    { $count ->
        [one] { $count } conversation waits for an answer.
       *[other] { $count } conversations wait for an answer.
    }
desk-empty = Nobody has written yet.
desk-more = Here are the { $limit } conversations with the newest messages. Close those that are done.
desk-unread = Unread messages:
desk-again = Look again
desk-own = This conversation is between you and the people who answer here. Nobody else can read it.

## The demo

demo = A shop for hats
demo-why = This page stands for a site of yours. The chat at its side comes with one line:
demo-bowler = Bowler
demo-straw = Straw hat
demo-beanie = Beanie
demo-ask = Ask us about hats
