# Слова сторінки українською. Що вони означають, написано в en.ftl.

## The language itself

language-name = Українська
language-direction = ltr

## The frame of a room

skip = Перейти до поля вводу
start = Millchat: відкрити нову кімнату
room = Кімната
copy-link = Копіювати посилання
link-copied = Посилання скопійовано
menu = Меню
new-room = Нова кімната
notify = Сповіщати про нові повідомлення
notify-mentions = Лише коли мене згадують
notify-sound = Зі звуком
notify-forbidden = Цей браузер не дозволяє сторінці надсилати сповіщення. Так указано в його налаштуваннях для цього сайту.
language = Мова
lately = Кімнати, де ви нещодавно були
lately-forget = Забути ці кімнати
messages = Повідомлення
people = Люди
who-is-here = Хто тут
here = { $count } тут
nobody-named = Поки що ніхто не назвався.
and-more =
    { $count ->
        [one] і ще { $count } людина
        [few] і ще { $count } людини
        [many] і ще { $count } людей
       *[other] і ще { $count } людини
    }
licences = Ліцензії
quiet = Тут поки що тихо.
quiet-hint = Напишіть перше слово або надішліть комусь посилання.
room-is-closed = Цю кімнату закрито для повідомлень.
draft-kept = Вашу чернетку буде збережено, доки кімнату не відкриють знову:
no-script = Без JavaScript нове саме не з’являється.
no-script-reload = Перезавантажити, щоб побачити нове
connection-gone = Зв’язок утрачено. Намагаємося відновити…
connection-back = Зв’язок відновлено.
to-newest = До найновіших
new-messages =
    { $count ->
        [one] { $count } нове
        [few] { $count } нові
        [many] { $count } нових
       *[other] { $count } нового
    }
new-line = Нове
# Read out by a screen reader when a message arrives
said = { $name }: { $text }
typing =
    { $count ->
        [one] { $names } пише…
       *[other] { $names } пишуть…
    }
typing-many = Кілька людей пишуть…
joined = { $names } тепер тут
left = { $names } більше не тут

## Messages

edited = змінено
you = ви
bot = бот
deleted = Це повідомлення видалено.
quote-gone = Це повідомлення більше не зберігається.
deleted-many =
    { $count ->
        [one] Видалено { $count } повідомлення.
        [few] Видалено { $count } повідомлення.
        [many] Видалено { $count } повідомлень.
       *[other] Видалено { $count } повідомлення.
    }
show-more = Показати більше
show-less = Показати менше
older = Показати давніші повідомлення
between = Показати те, що між ними
begins = Тут починається кімната.
older-gone = Давніші повідомлення вже не зберігаються.
gap = Повідомлення, що йшли далі, вже не зберігаються.
gap-damage = Деякі повідомлення тут пошкоджено, і прочитати їх неможливо.
reset = Чат розпочато заново. Ось що в ньому тепер.
link-gone = Повідомлення, на яке веде посилання, тут уже немає.
room-closed = Кімнату закрито для повідомлень.
room-closed-by = { $name } закриває кімнату для повідомлень.
room-opened = Кімнату знову відкрито для повідомлень.
room-opened-by = { $name } знову відкриває кімнату для повідомлень.
room-emptied = Кімнату очищено.
room-emptied-by = { $name } очищає кімнату.

## Search

search = Пошук
search-room = Шукати в цій кімнаті
search-hint = Знаходить повідомлення, у яких є всі ці слова повністю. Регістр і діакритичні знаки не мають значення.
search-results = Знайдені повідомлення
search-none = У цій кімнаті немає повідомлення з усіма цими словами.
search-none-yet = Поки що нічого не знайдено. Є ще старіші повідомлення.
search-older = Старіші результати
search-back = Назад до кімнати
search-no-word = Введіть принаймні одне слово для пошуку.
search-too-long = Довжина запиту — { $bytes } байтів; можна до { $limit }.
search-too-many =
    { $count ->
        [one] У запиті { $count } слово; можна до { $limit }.
        [few] У запиті { $count } різні слова; можна до { $limit }.
        [many] У запиті { $count } різних слів; можна до { $limit }.
       *[other] У запиті { $count } різних слова; можна до { $limit }.
    }

## Writing

write = Написати
message = Повідомлення
message-hint = Напишіть повідомлення
keys = Enter надсилає, Shift і Enter починає новий рядок, стрілка вгору змінює ваше останнє повідомлення.
# The name of the list of people that opens when one types @
mentionable = Кого згадати
send = Надіслати
send-by-key = Надіслати (Enter)
writing-as = Ви пишете як { $name }
rename = Змінити ім’я
your-name = Ваше ім’я, щоб писати тут
your-new-name = Ваше нове ім’я
name-hint = Леся
save = Зберегти
join = Увійти
name-waiting = Ім’я ще не збережено. Чекаємо на зв’язок…
name-unanswered = Ім’я не збережено: сервер не відповів.
name-status = Ім’я не збережено: сервер відповів { $status }.
editing = Ви змінюєте своє повідомлення. Escape залишить його, як було.
editing-delete = Видалити його
cancel = Скасувати
reply = Відповісти
replying = Відповідь на
react = Реакція
edit = Змінити
delete = Видалити
delete-question = Видалити це повідомлення для всіх?
keep = Залишити
edit-failed = Зміну не збережено. { $why }
delete-failed = Повідомлення не видалено. { $why }
react-failed = Реакцію не збережено. { $why }
no-answer = Сервер не відповів; спробуйте ще раз.

## Messages on their way

outbox = Ще не надіслано
waiting = Очікує…
sending = Надсилається…
sent = Надіслано
waiting-connection = Чекає на зв’язок…
trying-again = { $why } Нова спроба…
not-sent = Не надіслано. { $why }
try-again = Спробувати ще раз
discard = Відкинути
unsent-other-name = Його написано під іншим вашим ім’ям.
unsent-old = Його написано давно.
unsent-unknown = Сервер вас більше не впізнає. Виберіть ім’я знову й спробуйте ще раз.
unsent-refused = Сервер його відхилив: у ньому нічого не видно або його ключ уже використано.
unsent-fast = Ви надсилаєте швидше, ніж дозволяє цей сервер.
unsent-unclear = Сервер не зміг сказати, чи збережено його. Нова спроба це з’ясує і ніколи не надішле його двічі.
unsent-busy = Сервер зараз не приймає повідомлень.
unsent-status = Сервер відповів { $status }.

## What goes wrong

failure-missing = Тут нічого немає
failure-refused = Не вийшло
failure-server = Сервер зараз не може цього зробити
open-room = Відкрити нову кімнату

no-page = За цією адресою нічого немає.
no-file = Такого файлу тут немає.
room-name-rule = Назва кімнати — від 1 до { $limit } символів з A-Z a-z 0-9 _ -, і не одна з таких: { $names }.
wrong-method = Ця адреса приймає лише { $methods }.
wrong-message = Повідомлення позначається числом.
wrong-type = Повідомлення надсилають як application/json або як форму.
malformed = На цей запит неможливо відповісти.
other-site = Запити з інших сайтів тут не приймаються.
no-name = Спершу виберіть ім’я, тоді зможете писати.
body-too-large = Надіслане перевищує межу в { $limit } байт.
body-slow = Надіслане не надійшло за { $limit } с.
body-broken = Надіслане обірвалося.
too-busy = Забагато всього в черзі. Поверніться за мить.
limited =
    { $count ->
        [one] Це більше, ніж цей сервер дозволяє за раз. Спробуйте ще раз за { $count } секунду.
        [few] Це більше, ніж цей сервер дозволяє за раз. Спробуйте ще раз за { $count } секунди.
        [many] Це більше, ніж цей сервер дозволяє за раз. Спробуйте ще раз за { $count } секунд.
       *[other] Це більше, ніж цей сервер дозволяє за раз. Спробуйте ще раз за { $count } секунди.
    }
name-invisible = В імені має бути хоча б один видимий символ.
name-too-long = Символів в імені: { $graphemes }, байтів: { $bytes }. Межа: символів { $graphemes-max }, байтів { $bytes-max }.
name-like-tag = Ім’я не може закінчуватися на # і від чотирьох до восьми літер або цифр: воно було б схоже на чиюсь позначку.
message-invisible = У повідомленні має бути хоча б один видимий символ.
message-too-long = Повідомлення завелике: { $bytes } байт; межа — { $limit }.
key-invalid = Ключ повідомлення має довжину { $bytes } байт; дозволено від 1 до { $limit }.
key-reused = Ключ повідомлення вже використано для іншого тексту або в іншій кімнаті.
banned = Вас заблоковано: оператор цього сервера не дозволяє вам писати.
message-unknown = Такого повідомлення немає.
message-deleted = Повідомлення видалено.
message-edited-often = Повідомлення змінено стільки разів, скільки можливо.
message-reactions = У повідомлення вже стільки реакцій, скільки може бути.
reaction-unknown = Такої реакції немає.
message-others = Це чуже повідомлення.
disk-full = Диск сервера заповнено.
not-now = Сервер зараз нічого не приймає.
unclear = Невідомо, чи збережено повідомлення. Нова спроба це з’ясує.
unreadable = Сервер не може прочитати свої повідомлення.
