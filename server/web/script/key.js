// Keys, by which the server recognises a message that is sent again.

const MIX = 0x01000193;

/** Returns a key that nobody else has. */
export function newKey() {
  // `randomUUID` exists only on pages that came by TLS or from this machine. A key is unique, and no secret.
  try {
    if (crypto.randomUUID) return crypto.randomUUID();
    const bytes = [...crypto.getRandomValues(new Uint8Array(16))];
    return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
  } catch {
    return `${Date.now()}-${Math.random()}-${Math.random()}`;
  }
}

/** Returns a short name of a text: 64 bits, the same in every tab. It distinguishes the states of one draft,
 *  and protects against nothing. @param {string} text */
export function digest(text) {
  let one = 0x811c9dc5;
  let other = 0x9747b28c;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    one = Math.imul(one ^ unit, MIX);
    other = Math.imul(other ^ unit ^ at, 0x5bd1e995);
    other ^= other >>> 15;
  }
  return (one >>> 0).toString(36) + (other >>> 0).toString(36);
}
