// Places in the log, as the stream names them: an epoch of the log and a position in it.

// A place of no log: from there the server sends the whole room again.
const NOWHERE = '00000000-0';

/** Returns the position of a place. @param {string} place */
export const positionAt = (place) => Number(place.split('-')[1]);

/** @param {string} one @param {string} other */
const isOfOneLog = (one, other) => one.split('-')[0] === other.split('-')[0];

/** Returns whether a page at `place` has had all events up to the place `next`, and more.
 *  @param {string} next @param {string} place */
export const isPassed = (next, place) => isOfOneLog(next, place) && positionAt(next) < positionAt(place);

/** Returns whether a stream from the place `from` has all events that a page at `place` lacks.
 *  @param {string | undefined} from @param {string} place */
export function covers(from, place) {
  if (from === undefined || from === NOWHERE) return from === NOWHERE;
  return isOfOneLog(from, place) && positionAt(from) <= positionAt(place);
}

/** Returns a place whose stream covers both. @param {string} one @param {string} other */
export function earlier(one, other) {
  if (covers(one, other)) return one;
  return covers(other, one) ? other : NOWHERE;
}
