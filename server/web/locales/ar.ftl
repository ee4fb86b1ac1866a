# كلمات الصفحة بالعربية. معانيها في en.ftl.

## The language itself

language-name = العربية
language-direction = rtl

## The frame of a room

skip = الانتقال إلى الكتابة
start = Millchat: فتح غرفة جديدة
room = الغرفة
copy-link = نسخ الرابط
link-copied = نُسخ الرابط
menu = القائمة
new-room = غرفة جديدة
new-private-room = غرفة خاصة جديدة
notify = إشعاري بالرسائل الجديدة
notify-mentions = فقط عندما يذكرني أحدهم
notify-sound = مع صوت
notify-forbidden = لا يسمح هذا المتصفح للصفحة بإرسال الإشعارات. يمكن تغيير ذلك في إعداداته لهذا الموقع.
notify-impossible = لا يستطيع هذا المتصفح عرض إشعارات من صفحة.
language = اللغة
lately = غرف زرتها مؤخرًا
lately-forget = نسيان هذه الغرف
messages = الرسائل
people = الأشخاص
who-is-here = من هنا
here =
    { $count ->
        [zero] لا أحد هنا
        [one] شخص واحد هنا
        [two] شخصان هنا
        [few] { $count } أشخاص هنا
        [many] { $count } شخصًا هنا
       *[other] { $count } شخص هنا
    }
nobody-named = لم يذكر أحد اسمه بعد.
and-more =
    { $count ->
        [zero] ولا أحد غيرهم
        [one] وشخص آخر
        [two] وشخصان آخران
        [few] و{ $count } أشخاص آخرين
        [many] و{ $count } شخصًا آخر
       *[other] و{ $count } شخص آخر
    }
licences = التراخيص
quiet = لا شيء هنا بعد.
quiet-hint = اكتب أول كلمة، أو أرسل الرابط إلى أحدهم.
room-is-closed = هذه الغرفة مغلقة أمام الكتابة.
draft-kept = تبقى مسودتك محفوظة إلى أن تُفتح الغرفة من جديد:
no-script = بدون JavaScript لا يصل الجديد من تلقاء نفسه.
no-script-reload = إعادة التحميل لرؤية الجديد
connection-gone = انقطع الاتصال. تجري محاولة استعادته…
connection-back = عاد الاتصال.
to-newest = إلى الأحدث
new-messages =
    { $count ->
        [zero] لا رسائل جديدة
        [one] رسالة جديدة
        [two] رسالتان جديدتان
        [few] { $count } رسائل جديدة
        [many] { $count } رسالة جديدة
       *[other] { $count } رسالة جديدة
    }
new-line = جديد
# Read out by a screen reader when a message arrives
said = { $name }: { $text }
# الأسماء في الآخر، فلا يتغير الفعل بعددها ولا بجنسها
typing = يكتب الآن: { $names }…
typing-many = عدة أشخاص يكتبون…
answering = { $name } يكتب ردًا
answering-waiting = سيرد…
answering-thinking = يفكر…
answering-writing = يكتب…
answering-absent = لا يمكنه الرد بعد: نموذج اللغة غير متاح. سيحاول مجددًا.
answering-busy = لا يمكنه الرد: أسئلة كثيرة تنتظر. اسأل لاحقًا.
answering-limit = لا يمكنه الرد: سُئل أكثر من اللازم. اسأل لاحقًا.
answering-model = لا يمكنه الرد: نموذج اللغة غير موجود أو رفض السؤال.
answering-late = لا يمكنه الرد: استغرق وقتًا طويلًا. اسأل مرة أخرى.
answering-broke = توقف في منتصف الرد. اسأل مرة أخرى.
answering-empty = ليس لديه ما يقوله عن هذا.
answering-spent = لا يمكنه الرد: استنفد ما يُسمح له بقوله اليوم.
answering-stop = إيقاف
answering-stop-failed = لم يتوقف الرد: { $why }
joined = وصول: { $names }
left = مغادرة: { $names }

## Messages

edited = معدّلة
you = أنت
bot = بوت
deleted = حُذفت هذه الرسالة.
deleted-by = حُذفت هذه الرسالة من قبل { $name }.
quote-gone = لم تعد هذه الرسالة محفوظة.
deleted-many =
    { $count ->
        [zero] لم تُحذف أي رسالة.
        [one] حُذفت رسالة واحدة.
        [two] حُذفت رسالتان.
        [few] حُذفت { $count } رسائل.
        [many] حُذفت { $count } رسالة.
       *[other] حُذفت { $count } رسالة.
    }
show-more = عرض المزيد
show-less = عرض أقل
older = عرض الرسائل الأقدم
between = عرض ما بينهما
begins = هنا تبدأ الغرفة.
older-gone = لم تعد الرسائل الأقدم محفوظة.
gap = لم تعد الرسائل من هنا محفوظة.
gap-damage = تعذّرت قراءة بعض الرسائل هنا.
reset = بدأت المحادثة من جديد. هذا ما فيها الآن.
link-gone = الرسالة التي يقود إليها الرابط لم تعد هنا.
room-closed = أُغلقت الغرفة أمام الكتابة.
room-closed-by = أُغلقت الغرفة أمام الكتابة من قبل { $name }.
room-opened = فُتحت الغرفة للكتابة من جديد.
room-opened-by = فُتحت الغرفة للكتابة من جديد من قبل { $name }.
room-emptied = أُفرغت الغرفة.
room-emptied-by = أُفرغت الغرفة من قبل { $name }.

## Search

search = بحث
search-room = ابحث في هذه الغرفة
search-hint = يجد الرسائل التي تحتوي على كل هذه الكلمات كاملةً. لا فرق بين الأحرف الكبيرة والصغيرة، ولا أثر للتشكيل.
search-results = الرسائل التي عُثر عليها
search-none = لا توجد في هذه الغرفة رسالة فيها كل هذه الكلمات.
search-none-yet = لم يُعثر على شيء حتى الآن. ما زالت هناك رسائل أقدم.
search-older = نتائج أقدم
search-back = العودة إلى الغرفة
search-no-word = اكتب كلمة واحدة على الأقل للبحث عنها.
search-too-long = طول عبارة البحث { $bytes } بايت، والحد { $limit }.
search-too-many =
    { $count ->
        [zero] لا كلمات في البحث، والحد { $limit }.
        [one] في البحث كلمة واحدة، والحد { $limit }.
        [two] في البحث كلمتان مختلفتان، والحد { $limit }.
        [few] في البحث { $count } كلمات مختلفة، والحد { $limit }.
        [many] في البحث { $count } كلمة مختلفة، والحد { $limit }.
       *[other] في البحث { $count } كلمة مختلفة، والحد { $limit }.
    }

## Writing

write = الكتابة
message = الرسالة
message-hint = اكتب رسالة
keys = مفتاح Enter يرسل، وShift مع Enter يبدأ سطرًا جديدًا، وسهم الأعلى يعدّل رسالتك الأخيرة.
# The name of the list of people that opens when one types @
mentionable = أشخاص يمكن ذكرهم
send = إرسال
send-by-key = إرسال (Enter)
writing-as = تكتب باسم { $name }
rename = تغيير الاسم
your-name = اسمك، لتكتب هنا
your-new-name = اسمك الجديد
name-hint = ليلى
save = حفظ
join = دخول
name-waiting = لم يُحفظ الاسم بعد. في انتظار الاتصال…
name-unanswered = لم يُحفظ الاسم: لم يُجب الخادم.
name-status = لم يُحفظ الاسم: أجاب الخادم { $status }.
editing = أنت تعدّل رسالتك. مفتاح Escape يتركها كما كانت.
editing-delete = حذفها
cancel = إلغاء
reply = رد
replying = ردًا على
react = تفاعل
edit = تعديل
delete = حذف
delete-question = أتريد حذف هذه الرسالة لدى الجميع؟
keep = إبقاؤها
edit-failed = لم يُحفظ التعديل. { $why }
delete-failed = لم تُحذف الرسالة. { $why }
react-failed = لم يُحفظ التفاعل. { $why }
no-answer = لم يُجب الخادم؛ حاول مرة أخرى.

## Messages on their way

outbox = لم تُرسل بعد
waiting = في الانتظار…
sending = جارٍ الإرسال…
sent = أُرسلت
waiting-connection = في انتظار الاتصال…
trying-again = { $why } تجري محاولة أخرى…
not-sent = لم تُرسل. { $why }
try-again = حاول مرة أخرى
discard = تجاهل
unsent-other-name = كُتبت باسم آخر من أسمائك.
unsent-old = كُتبت منذ وقت طويل.
unsent-unknown = لم يعد الخادم يعرفك. اختر اسمك من جديد، ثم حاول مرة أخرى.
unsent-refused = رفضها الخادم: لا شيء ظاهر فيها، أو استُعمل مفتاحها من قبل.
unsent-fast = ترسل أسرع مما يسمح به هذا الخادم.
unsent-unclear = لم يستطع الخادم أن يقول إن كانت قد حُفظت. المحاولة مرة أخرى تحسم الأمر، ولا ترسلها مرتين أبدًا.
unsent-busy = لا يقبل الخادم رسائل الآن.
unsent-status = أجاب الخادم { $status }.

## تسجيل الدخول

# لقارئات الشاشة، بعد اسم من سجّل الدخول. تعرض الصفحة علامة
user-mark = مسجّل الدخول
sign-in = تسجيل الدخول
sign-in-at = تسجيل الدخول عبر { $login }
sign-in-guest = أنت هنا باسم { $name }. بعد تسجيل الدخول يمكنك أن تعدّل ما كتبته وتحذفه كما كنت.
sign-in-not = المتابعة دون تسجيل الدخول
sign-in-other = أو سجّل الدخول بحساب آخر
continue-as = المتابعة باسم { $name }
account = حسابك
account-name = الاسم
account-login = تسجيل الدخول عبر
account-until = تسجيل الدخول صالح حتى
sign-out = تسجيل الخروج
sign-out-everywhere = تسجيل الخروج من جميع الأجهزة
sign-out-hint = بعد تسجيل الخروج لن تستطيع تغيير ما كتبته ضيفًا قبل تسجيل الدخول.
sign-out-onward = سُجّل خروجك هنا، ويستمر تسجيل الخروج لدى مزوّد الدخول.
go-on = متابعة
signed-in-done = سجّلت الدخول باسم { $name }. يمكنك إغلاق هذه النافذة.
sign-in-none = لم تسجّل الدخول.
signed-in-ask = يمكن للدردشة الموجودة بجانب الصفحة التي أتيت منها أن تعرفك باسم { $name }.
signed-in-alone = سجّلت الدخول باسم { $name }. يفصل المتصفح هذه النافذة عن الصفحة التي أتيت منها، لذلك تستمر الدردشة هنا.
signed-in-unanswered = لا يمكن الوصول إلى الدردشة. حاول مرة أخرى.
sign-in-failed = لم تسجّل الدخول
sign-in-expired = انتهت مدة محاولة الدخول هذه أو استُعملت من قبل. ابدأ من جديد من فضلك.
sign-in-refused = لا يسمح لك مزوّد الدخول أو مشغّل هذه الدردشة بالدخول بهذا الحساب.
sign-in-invalid = لم تجتز إجابة مزوّد الدخول أحد الفحوص، فلم يُسجَّل دخول أحد. يجد المشغّل السبب في سجل الخادم.
provider-unreachable = لا يجيب مزوّد الدخول كما ينبغي. حاول لاحقًا من فضلك.
sign-in-busy = يسجّل الدخول الآن عدد كبير من الناس. عد بعد لحظة.
no-login = لا توجد هنا طريقة دخول كهذه.
no-logins = لا يسجّل أحد الدخول في هذه الدردشة؛ يكفي اسم.
sign-in-again = تسجيل الدخول من جديد

## What goes wrong

failure-missing = لا شيء هنا
failure-refused = لم ينجح ذلك
failure-server = لا يستطيع الخادم فعل ذلك الآن
open-room = فتح غرفة جديدة
go-to-room = اذهب إلى { $room }

no-page = لا شيء في هذا العنوان.
no-file = لا يوجد هنا ملف كهذا.
room-name-rule = يتكوّن اسم الغرفة من 1 إلى { $limit } من A-Z a-z 0-9 _ -، ولا يكون أحد هذه: { $names }.
wrong-method = لا يقبل هذا العنوان إلا { $methods }.
wrong-message = تُعرَّف الرسالة برقم.
wrong-type = تُرسل الرسالة بصيغة application/json أو كنموذج.
malformed = لا يمكن الإجابة عن هذا الطلب.
other-site = لا تُقبل هنا طلبات من مواقع أخرى.
other-origin = أُرسل هذا من صفحة في { $origin }، لكن الخادم طُلب باسم { $host }، لذلك يعدّها صفحة موقع آخر. إن كانت هذه صفحة الدردشة نفسها، فعلى المشغّل أن يضبط { $setting } على { $origin }، أو أن يجعل الوكيل يمرّر الترويسة { $header } مع منفذها.
other-public-url = أُرسل هذا من صفحة في { $origin }، لكن عنوان هذه الدردشة هو { $public }. افتح الدردشة هناك. وإن كان { $origin } عنوانها أيضًا، فعلى المشغّل أن يصحّح { $setting }.
hidden-origin = لا يذكر متصفحك الصفحة التي جاء منها هذا ({ $origin })، لذلك يعدّه الخادم من موقع آخر. ربما تكون الصفحة داخل إطار معزول، أو أن إضافة في المتصفح تخفي عنوانها.
no-name = اختر اسمًا أولًا، ثم يمكنك الكتابة.
body-too-large = ما أُرسل يتجاوز الحد وهو { $limit } بايت.
body-slow = لم يصل ما أُرسل خلال { $limit } ثانية.
body-broken = انقطع ما أُرسل قبل نهايته.
too-busy = هناك الكثير في الانتظار. عد بعد لحظة.
limited =
    { $count ->
        [zero] هذا أكثر مما يسمح به الخادم دفعة واحدة. حاول مرة أخرى الآن.
        [one] هذا أكثر مما يسمح به الخادم دفعة واحدة. حاول مرة أخرى بعد ثانية.
        [two] هذا أكثر مما يسمح به الخادم دفعة واحدة. حاول مرة أخرى بعد ثانيتين.
        [few] هذا أكثر مما يسمح به الخادم دفعة واحدة. حاول مرة أخرى بعد { $count } ثوانٍ.
        [many] هذا أكثر مما يسمح به الخادم دفعة واحدة. حاول مرة أخرى بعد { $count } ثانية.
       *[other] هذا أكثر مما يسمح به الخادم دفعة واحدة. حاول مرة أخرى بعد { $count } ثانية.
    }
name-invisible = يحتاج الاسم إلى حرف ظاهر واحد على الأقل.
name-too-long = في الاسم { $graphemes } حرفًا في { $bytes } بايت؛ الحد { $graphemes-max } حرفًا و{ $bytes-max } بايت.
name-like-tag = لا يمكن أن ينتهي الاسم بعلامة # ومن أربعة إلى ثمانية أحرف أو أرقام: سيبدو كعلامة شخص آخر.
name-of-account = اسمك يأتي من الخدمة التي سجّلت الدخول بها، ويمكن تغييره هناك.
message-invisible = تحتاج الرسالة إلى حرف ظاهر واحد على الأقل.
message-too-long = حجم الرسالة { $bytes } بايت؛ والحد { $limit }.
key-invalid = طول مفتاح الرسالة { $bytes } بايت؛ والمسموح من 1 إلى { $limit }.
key-reused = استُعمل مفتاح الرسالة من قبل لنص آخر أو في غرفة أخرى.
banned = أنت محظور: لا يسمح لك مشغّل هذا الخادم بالكتابة.
message-unknown = لا توجد رسالة كهذه.
message-deleted = حُذفت الرسالة.
message-edited-often = عُدّلت الرسالة بقدر ما يمكن.
message-reactions = بلغت الرسالة أقصى عدد من التفاعلات.
reaction-unknown = لا يوجد تفاعل كهذا.
message-others = هذه الرسالة لشخص آخر.
disk-full = قرص الخادم ممتلئ.
not-now = لا يقبل الخادم شيئًا الآن.
unclear = لا يُعرف إن كانت الرسالة قد حُفظت. المحاولة مرة أخرى تحسم الأمر.
unreadable = لا يستطيع الخادم قراءة رسائله.

## Rooms that not everybody may use

denied-title = هذه الغرفة لأعضائها فقط
denied-nobody = لا نعرف من أنت، ولذلك لا نعرف إن كنت واحدًا منهم.
denied-known = أنت هنا باسم { $name }، وهو ليس عضوًا فيها.
denied-unknown-room = لا توجد هنا غرفة بهذا الاسم.
denied-not-member = هذه الغرفة لأعضائها فقط، وأنت لست واحدًا منهم.
denied-read-only = يمكنك قراءة هذه الغرفة، ولكن لا يمكنك الكتابة فيها.
denied-needs-role = لا يفعل ذلك إلا من لديه صلاحيات أكثر في هذه الغرفة.
denied-no-new-rooms = لا يمكنك فتح غرفة جديدة هنا.
denied-banned = أنت محظور، ولا يمكنك الكتابة هنا.
denied-ended = لم يعد بإمكانك قراءة هذه الغرفة.
denied-signed-out = لم تعد مسجّل الدخول، فلا يمكنك متابعة القراءة هنا.

## الإشراف

flag = إبلاغ
flag-question = هل تريد إبلاغ المشرفين عن هذه الرسالة؟
flag-reason = لماذا؟ (يمكن تركه فارغًا)
flagged = تم الإبلاغ. يمكن لمشرفي هذه الغرفة رؤيته.
ban = حظر
ban-question = هل تريد حظر { $name } من هذه الغرفة؟
ban-time = المدة
ban-hour = ساعة
ban-day = يوم
ban-week = أسبوع
ban-ever = دائمًا
ban-all = احذف أيضًا كل رسائله هنا
ban-done = تم حظر { $name } من هذه الغرفة.
close-dialog = إغلاق
deed-failed = لم يتم ذلك. { $why }
moderation = الإشراف
close-room = إغلاق الغرفة أمام الكتابة
open-again = فتح الغرفة من جديد
empty-room = حذف كل الرسائل
empty-sure = نعم، كل رسائل هذه الغرفة، عند الجميع
flags = رسائل مُبلَّغ عنها
flags-none = لا بلاغات.
flag-clear = لا بأس بها
flagged-by = أبلغ عنها { $name }:
bans = المحظورون
bans-none = لا أحد محظور من هذه الغرفة.
done-by = بواسطة { $name }،
until = حتى
unban = السماح بالعودة
members = الأعضاء
members-none = لم يُمنح أحد دورًا هنا.
member-remove = سحب الدور
role-reader = قارئ
role-writer = كاتب
role-moderator = مشرف
role-owner = مالك
invitations = الدعوات
invite = إنشاء دعوة
invitation-role = تمنح دور
invitation-time = صالحة لمدة
days =
    { $count ->
        [zero] { $count } يوم
        [one] يوم واحد
        [two] يومان
        [few] { $count } أيام
        [many] { $count } يومًا
       *[other] { $count } يوم
    }
invitation-uses-max = عدد مرات الاستعمال
invitation-uses =
    { $count ->
        [zero] لا يمكن استعمالها بعد
        [one] يمكن استعمالها مرة أخرى
        [two] يمكن استعمالها مرتين أخريين
        [few] يمكن استعمالها { $count } مرات أخرى
        [many] يمكن استعمالها { $count } مرة أخرى
       *[other] يمكن استعمالها { $count } مرة أخرى
    }
invitation-end = سحبها
invitation-made = رابط الدعوة الجديدة. لا يظهر إلا الآن:
invitation = أنت مدعو
invitation-have = لديّ دعوة
invitation-link = رابط الدعوة
invitation-use = قبول
invitation-unknown = لا توجد دعوة كهذه، أو أنها استُعملت أو انتهت صلاحيتها.
list-full = هذه القائمة ممتلئة. أزِل منها شيئًا أولًا.

panel-label = دردشة
panel-close = إغلاق الدردشة
panel-forgets = لا يحتفظ هذا المتصفح بشيء للدردشة: عندما تغادر هذه الصفحة لن يعرفك بعد ذلك.
panel-unvouched = تعذّر على الصفحة المحيطة بالدردشة أن تقول من أنت.
panel-sign-in-apart = نافذة تسجيل الدخول مفتوحة، لكن هذه الصفحة مفصولة عنها. تابع في تلك النافذة.

## Rooms of visitors

desk-waiting =
    { $count ->
        [zero] لا محادثات تنتظر ردًّا.
        [one] محادثة واحدة تنتظر ردًّا.
        [two] محادثتان تنتظران ردًّا.
        [few] { $count } محادثات تنتظر ردًّا.
        [many] { $count } محادثة تنتظر ردًّا.
       *[other] { $count } محادثة تنتظر ردًّا.
    }
desk-empty = لم يكتب أحد بعد.
desk-more = هذه هي المحادثات الـ { $limit } ذات أحدث الرسائل. أغلق ما انتهى منها.
desk-unread = رسائل غير مقروءة:
desk-again = انظر مرة أخرى
desk-own = هذه المحادثة بينك وبين من يجيبون هنا. لا يستطيع أحد غيركم قراءتها.

## The demo

demo = متجر قبعات
demo-why = تمثّل هذه الصفحة موقعًا لك. تأتي الدردشة بجانبها بسطر واحد:
demo-bowler = قبعة مستديرة
demo-straw = قبعة قش
demo-beanie = قبعة صوفية
demo-ask = اسألنا عن القبعات
