// While a panel fills the whole screen, the page behind it is inert and does not scroll.

/** The panels that fill the screen. */
let covers = 0;
/** Makes the page as it was. */
let uncover = () => {};

function hold() {
  const { scrollX: left, scrollY: top } = window;
  const wasInert = document.body.inert;
  const still = new CSSStyleSheet();
  still.replaceSync('html{overflow:hidden!important}');
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, still];
  uncover = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== still);
    document.body.inert = wasInert;
    scrollTo({ left, top, behavior: 'instant' });
  };
}

/** Makes the body rest while the page is covered: a router may have put another one in its place. */
export function rest() {
  if (covers > 0) document.body.inert = true;
}

/** Covers the page, and returns a function that uncovers it.
 *  @param {() => void} moved is called when the part of the screen that no keyboard covers is another
 *  @param {() => void} close is called for the system's way back */
export function cover(moved, close) {
  const view = /** @type {VisualViewport} */ (window.visualViewport);
  const calls = new AbortController();
  for (const name of ['resize', 'scroll']) view.addEventListener(name, moved, calls);
  const back = window.CloseWatcher && new window.CloseWatcher();
  if (back) back.onclose = close;
  if (covers === 0) hold();
  covers += 1;
  rest();
  return () => {
    back?.destroy();
    calls.abort();
    covers -= 1;
    if (covers === 0) uncover();
    return undefined;
  };
}
