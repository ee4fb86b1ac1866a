// The page's script: a module per idea. Modules that use one another import one another; this list only makes
// sure that each one runs. The bundler runs each by itself: one that throws is reported to the console, and the
// others run. Observers of the same element hear of a change in the order in which their modules
// ran.

import './i18n.js';
import './bearer.js';
import './announce.js';
import './answering.js';
import './back.js';
import './closed.js';
import './days.js';
import './edit.js';
import './joins.js';
import './mentions.js';
import './missed.js';
import './follow.js';
import './history.js';
import './invite.js';
import './moderate.js';
import './notifications.js';
import './outbox.js';
import './people.js';
import './quote.js';
import './react.js';
import './reply.js';
import './rooms.js';
import './rows.js';
import './share.js';
import './stream.js';
import './suggest.js';
import './tabs.js';
import './tall.js';
import './row-actions.js';
import './unread.js';
import './host.js';
import './guest.js';
import './identify.js';
import './sign-in.js';
import './composer.js';
