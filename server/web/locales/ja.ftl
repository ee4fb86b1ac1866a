# ページの言葉（日本語）。意味は en.ftl にあります。

## The language itself

language-name = 日本語
language-direction = ltr

## The frame of a room

skip = 入力欄へ移動
start = Millchat：新しいルームを開く
room = ルーム
copy-link = リンクをコピー
link-copied = コピーしました
menu = メニュー
new-room = 新しいルーム
new-private-room = 新しいプライベートルーム
notify = 新しいメッセージを通知する
notify-mentions = 自分がメンションされたときだけ
notify-sound = 音を鳴らす
notify-forbidden = このブラウザーではページからの通知が許可されていません。このサイトの設定をご確認ください。
notify-impossible = このブラウザーではページからの通知を表示できません。
language = 言語
lately = 最近のルーム
lately-forget = この一覧を消す
messages = メッセージ
people = 参加者
who-is-here = 参加者
here = { $count }人が参加中
nobody-named = 名前のある人はまだいません。
and-more = ほか{ $count }人
licences = ライセンス
quiet = まだ静かです。
quiet-hint = 最初のひとことを書くか、だれかにリンクを送ってください。
room-is-closed = このルームは現在書き込めません。
draft-kept = このルームが再び書き込めるようになるまで、下書きは保存されています：
no-script = JavaScriptがないと、新しいメッセージは自動で表示されません。
no-script-reload = 再読み込みして確認する
connection-gone = 接続が切れました。再接続しています…
connection-back = 再接続しました。
to-newest = 最新へ
new-messages = 新着{ $count }件
new-line = ここから新着
# Read out by a screen reader when a message arrives
said = { $name }：{ $text }
typing = { $names }さんが入力中…
typing-many = 複数の人が入力中…
answering = { $name }さんが返信を書いています
answering-waiting = まもなく返信します…
answering-thinking = 考えています…
answering-writing = 書いています…
answering-absent = まだ返信できません：言語モデルに接続できません。もう一度試しています。
answering-busy = 返信できません：待っている質問が多すぎます。後でもう一度聞いてください。
answering-limit = 返信できません：質問の回数が多すぎます。後でもう一度聞いてください。
answering-model = 返信できません：言語モデルがないか、質問が拒否されました。
answering-late = 返信できません：時間がかかりすぎました。もう一度聞いてください。
answering-broke = 返信の途中で止まりました。もう一度聞いてください。
answering-empty = これには何も言うことがないようです。
answering-spent = 返信できません：今日の分を使い切りました。
answering-stop = 停止
answering-stop-failed = 返信を停止できませんでした：{ $why }
joined = { $names }さんが来ました
left = { $names }さんが退出しました

## Messages

edited = 編集済み
you = あなた
bot = ボット
deleted = このメッセージは削除されました。
deleted-by = このメッセージは{ $name }さんが削除しました。
quote-gone = このメッセージはもう保存されていません。
deleted-many = { $count }件のメッセージが削除されました。
show-more = もっと見る
show-less = 折りたたむ
older = 以前のメッセージを表示
between = 間のメッセージを表示
begins = ここがルームの始まりです。
older-gone = これより前のメッセージは保存されていません。
gap = ここから先のメッセージは保存されていません。
gap-damage = ここには、破損していて読み取れないメッセージがあります。
reset = チャットは新しく始まりました。現在の内容は次のとおりです。
link-gone = リンク先のメッセージはもうありません。
room-closed = ルームへの書き込みが締め切られました。
room-closed-by = { $name }さんがルームへの書き込みを締め切りました。
room-opened = ルームに再び書き込めるようになりました。
room-opened-by = { $name }さんがルームへの書き込みを再開しました。
room-emptied = ルームのメッセージがすべて消されました。
room-emptied-by = { $name }さんがルームのメッセージをすべて消しました。

## Search

search = 検索
search-room = このルームを検索
search-hint = 入力した言葉をすべて含むメッセージを探します。大文字と小文字、アクセント記号は区別しません。
search-results = 見つかったメッセージ
search-none = このルームに、これらの言葉をすべて含むメッセージはありません。
search-none-yet = まだ見つかっていません。もっと古いメッセージがあります。
search-older = 古い結果
search-back = ルームに戻る
search-no-word = 検索する言葉を 1 つ以上入力してください。
search-too-long = 検索の文字列は { $bytes } バイトあります。上限は { $limit } バイトです。
search-too-many =
    { $count ->
       *[other] 検索の言葉は { $count } 個あります。上限は { $limit } 個です。
    }

## Writing

write = 書き込み
message = メッセージ
message-hint = メッセージを書く
keys = Enterで送信、ShiftとEnterで改行、上矢印で最後のメッセージを編集します。
# The name of the list of people that opens when one types @
mentionable = メンションする相手
send = 送信
send-by-key = 送信（Enter）
writing-as = { $name } として書き込み中
rename = 名前を変更
your-name = 書き込むには名前を入力してください
your-new-name = 新しい名前
name-hint = さくら
save = 保存
join = 参加
name-waiting = 名前はまだ保存されていません。接続を待っています…
name-unanswered = 名前を保存できませんでした。サーバーから応答がありません。
name-status = 名前を保存できませんでした。サーバーの応答：{ $status }
editing = メッセージを編集しています。Escapeキーで元のままにします。
editing-delete = 削除する
cancel = キャンセル
reply = 返信
replying = 返信先
react = リアクション
edit = 編集
delete = 削除
delete-question = このメッセージを全員の画面から削除しますか？
keep = 残す
edit-failed = 変更は保存されていません。{ $why }
delete-failed = メッセージは削除されていません。{ $why }
react-failed = リアクションは保存されませんでした。{ $why }
no-answer = サーバーから応答がありません。もう一度お試しください。

## Messages on their way

outbox = 未送信
waiting = 待機中…
sending = 送信中…
sent = 送信済み
waiting-connection = 接続を待っています…
trying-again = { $why } 再送しています…
not-sent = 送信できませんでした。{ $why }
try-again = もう一度送る
discard = 破棄
unsent-other-name = 別の名前で書かれたメッセージです。
unsent-old = かなり前に書かれたメッセージです。
unsent-unknown = サーバーがあなたを認識できません。名前を入力し直してから、もう一度お試しください。
unsent-refused = サーバーに拒否されました。表示できる文字がないか、キーがすでに使われています。
unsent-fast = このサーバーで許可されている速さを超えています。
unsent-unclear = 保存されたかどうかをサーバーが確認できませんでした。もう一度送ると確認でき、二重に送信されることはありません。
unsent-busy = サーバーは現在メッセージを受け付けていません。
unsent-status = サーバーの応答：{ $status }

## サインイン

# 画面読み上げ用。サインインした人の名前の後に付く。画面には印が出る
user-mark = サインイン済み
sign-in = サインイン
sign-in-at = { $login }でサインイン
sign-in-guest = 今は{ $name }として参加しています。サインインした後も、書いたメッセージを編集したり削除したりできます。
sign-in-not = サインインせずに続ける
sign-in-other = 別のアカウントでサインイン
continue-as = { $name }として続ける
account = アカウント
account-name = 名前
account-login = サインイン方法
account-until = サインインの期限
sign-out = サインアウト
sign-out-everywhere = すべての端末でサインアウト
sign-out-hint = サインアウトすると、サインインする前にゲストとして書いたものは変更できなくなります。
sign-out-onward = ここではサインアウトしました。続いてプロバイダーでもサインアウトします。
go-on = 続ける
signed-in-done = { $name }としてサインインしました。このウィンドウは閉じてかまいません。
sign-in-none = サインインしていません。
signed-in-ask = 元のページの横にあるチャットが、あなたを { $name } として認識できます。
signed-in-alone = { $name } としてログインしました。ブラウザがこのウィンドウを元のページから切り離しているため、チャットはここで続きます。
signed-in-unanswered = チャットに接続できません。もう一度お試しください。
sign-in-failed = サインインできませんでした
sign-in-expired = このサインインは期限が切れたか、すでに使われています。もう一度やり直してください。
sign-in-refused = プロバイダーまたはこのチャットの運営者が、このアカウントでの参加を認めていません。
sign-in-invalid = プロバイダーの応答が検査を通らなかったため、サインインしませんでした。理由はサーバーのログにあります。
provider-unreachable = プロバイダーが正しく応答しません。しばらくしてからもう一度お試しください。
sign-in-busy = サインインが混み合っています。少し待ってからお試しください。
no-login = そのようなサインイン方法はありません。
no-logins = このチャットにサインインはありません。名前だけで参加できます。
sign-in-again = もう一度サインイン

## What goes wrong

failure-missing = ここには何もありません
failure-refused = うまくいきませんでした
failure-server = サーバーは現在それができません
open-room = 新しいルームを開く
go-to-room = { $room } へ移動

no-page = このアドレスには何もありません。
no-file = そのようなファイルはありません。
room-name-rule = ルーム名は A-Z a-z 0-9 _ - の1～{ $limit }文字で、次のものは使えません：{ $names }
wrong-method = このアドレスが受け付けるのは { $methods } だけです。
wrong-message = メッセージは番号で指定します。
wrong-type = メッセージは application/json かフォームで送ります。
malformed = このリクエストには応答できません。
other-site = ほかのサイトからのリクエストは受け付けていません。
other-origin = これは { $origin } のページから送信されましたが、サーバーは { $host } として呼び出されたため、他のサイトのページと判断しました。このチャット自身のページであれば、管理者が { $setting } を { $origin } に設定するか、プロキシが { $header } ヘッダーをポート番号ごと渡すようにする必要があります。
other-public-url = これは { $origin } のページから送信されましたが、このチャットのアドレスは { $public } です。そちらでチャットを開いてください。{ $origin } もこのチャットのアドレスであれば、管理者が { $setting } を修正する必要があります。
hidden-origin = どのページから送信されたのかをブラウザーが示していないため（{ $origin }）、サーバーは他のサイトからのものと判断しました。ページが隔離されたフレームの中にあるか、ブラウザーの拡張機能がアドレスを隠している可能性があります。
no-name = 先に名前を入力すると、書き込めるようになります。
body-too-large = 送信された内容が上限の{ $limit }バイトを超えています。
body-slow = 送信された内容が{ $limit }秒以内に届きませんでした。
body-broken = 送信された内容が途中で終わっています。
too-busy = 現在混み合っています。しばらくしてからお試しください。
limited = このサーバーで一度に許可されている量を超えています。{ $count }秒後にもう一度お試しください。
name-invisible = 名前には表示できる文字が1つ以上必要です。
name-too-long = 名前が{ $graphemes }文字、{ $bytes }バイトあります。上限は{ $graphemes-max }文字、{ $bytes-max }バイトです。
name-like-tag = 名前の最後に # と4〜8つの英数字は使えません。だれかの識別記号に見えてしまいます。
name-of-account = 名前はサインイン元のサービスから取得しています。変更もそちらで行ってください。
message-invisible = メッセージには表示できる文字が1つ以上必要です。
message-too-long = メッセージが{ $bytes }バイトあります。上限は{ $limit }バイトです。
key-invalid = メッセージのキーが{ $bytes }バイトです。1～{ $limit }バイトにしてください。
key-reused = メッセージのキーは、別の内容または別のルームですでに使われています。
banned = このサーバーの管理者により、書き込みが禁止されています。
message-unknown = そのようなメッセージはありません。
message-deleted = メッセージは削除されました。
message-edited-often = このメッセージはこれ以上編集できません。
message-reactions = このメッセージにはこれ以上リアクションを付けられません。
reaction-unknown = そのリアクションはありません。
message-others = ほかの人のメッセージです。
disk-full = サーバーのディスクがいっぱいです。
not-now = サーバーは現在受け付けていません。
unclear = メッセージが保存されたかどうかわかりません。もう一度送ると確認できます。
unreadable = サーバーがメッセージを読み込めません。

## Rooms that not everybody may use

denied-title = このルームはメンバー専用です
denied-nobody = あなたが誰か分からないため、メンバーかどうか確認できません。
denied-known = { $name } として入室していますが、メンバーではありません。
denied-unknown-room = この名前のルームはここにはありません。
denied-not-member = このルームはメンバー専用で、あなたはメンバーではありません。
denied-read-only = このルームは読めますが、書き込めません。
denied-needs-role = これができるのは、このルームでより多くの権限を持つ人だけです。
denied-no-new-rooms = ここでは新しいルームを開けません。
denied-banned = 禁止されているため、ここには書き込めません。
denied-ended = このルームはもう読めません。
denied-signed-out = サインインが切れたため、続きを読めません。

## モデレーション

flag = 報告
flag-question = このメッセージをモデレーターに報告しますか？
flag-reason = 理由（空欄でもかまいません）
flagged = 報告しました。このルームのモデレーターが確認できます。
ban = 追放
ban-question = { $name } さんをこのルームから追放しますか？
ban-time = 期間
ban-hour = 1時間
ban-day = 1日
ban-week = 1週間
ban-ever = 無期限
ban-all = この人がここに書いたメッセージもすべて削除
ban-done = { $name } さんをこのルームから追放しました。
close-dialog = 閉じる
deed-failed = 実行できませんでした。{ $why }
moderation = モデレーション
close-room = ルームへの書き込みを締め切る
open-again = ルームを再び開く
empty-room = すべてのメッセージを削除
empty-sure = はい、このルームの全メッセージを全員について削除します
flags = 報告されたメッセージ
flags-none = 報告はありません。
flag-clear = 問題なし
flagged-by = { $name } さんの報告:
bans = 追放
bans-none = このルームから追放された人はいません。
done-by = { $name } さんによる、
until = 期限:
unban = 追放を解く
members = メンバー
members-none = ここで役割を与えられた人はいません。
member-remove = 役割を外す
role-reader = 閲覧者
role-writer = 投稿者
role-moderator = モデレーター
role-owner = 所有者
invitations = 招待
invite = 招待を作る
invitation-role = 与える役割
invitation-time = 有効期間
days =
    { $count ->
       *[other] { $count }日
    }
invitation-uses-max = 使える回数
invitation-uses =
    { $count ->
       *[other] あと{ $count }回使えます
    }
invitation-end = 取り消す
invitation-made = 新しい招待のリンクです。表示されるのは今だけです:
invitation = 招待されています
invitation-have = 招待を持っています
invitation-link = 招待のリンク
invitation-use = 受ける
invitation-unknown = そのような招待はないか、すでに使われたか、期限が切れています。
list-full = この一覧はいっぱいです。先にどれかを取り除いてください。

panel-label = チャット
panel-close = チャットを閉じる
panel-forgets = このブラウザーはチャットのために何も保存しません。このページを離れると、あなたのことを覚えていません。
panel-unvouched = チャットのまわりのページは、あなたが誰かを伝えられませんでした。
panel-sign-in-apart = ログインのウィンドウは開いていますが、このページとは切り離されています。そのウィンドウで続けてください。

## Rooms of visitors

desk-waiting =
    { $count ->
       *[other] { $count } 件の会話が返事を待っています。
    }
desk-empty = まだ誰も書き込んでいません。
desk-more = 新しいメッセージがある { $limit } 件の会話です。終わったものは閉じてください。
desk-unread = 未読メッセージ：
desk-again = もう一度見る
desk-own = この会話は、あなたとここで答える人たちだけのものです。他の人は読めません。

## The demo

demo = 帽子の店
demo-why = このページはあなたのサイトの例です。横のチャットは 1 行で追加できます：
demo-bowler = 山高帽
demo-straw = 麦わら帽子
demo-beanie = ニット帽
demo-ask = 帽子について質問する
