// The link of an invitation leads to the room. What is behind its `#` goes on to the form for it.

import { room } from './dom.js';

if (location.hash.startsWith('#invite=')) location.replace(`/${room}/invitations/accept${location.hash}`);
