import json, sys
from datetime import datetime, timezone
from standardwebhooks.webhooks import Webhook

question = json.load(sys.stdin)
webhook = Webhook(question["secret"])
if "sign" in question:
    sign = question["sign"]
    at = datetime.fromtimestamp(sign["at"], timezone.utc)
    print(json.dumps({"signature": webhook.sign(sign["id"], at, sign["body"])}))
else:
    try:
        webhook.verify(question["verify"]["body"], question["verify"]["headers"])
        print(json.dumps({"ok": True}))
    except Exception as error:
        print(json.dumps({"ok": False, "why": str(error)}))
