// While a panel fills the whole screen, the page behind it is inert and does not scroll.

/** Covers the page, and returns a function that uncovers it.
 *  @param {() => void} moved is called when the part of the screen that no keyboard covers is another
 *  @param {() => void} close is called for the system's way back */
export function cover(moved, close) {
  const { body } = document;
  const view = /** @type {VisualViewport} */ (window.visualViewport);
  const { scrollX: left, scrollY: top } = window;
  const wasInert = body.inert;
  body.inert = true;
  const still = new CSSStyleSheet();
  still.replaceSync('html{overflow:hidden!important}');
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, still];
  view.onresize = view.onscroll = moved;
  const back = window.CloseWatcher && new window.CloseWatcher();
  if (back) back.onclose = close;
  return () => {
    back?.destroy();
    view.onresize = view.onscroll = null;
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== still);
    body.inert = wasInert;
    scrollTo({ left, top, behavior: 'instant' });
    return undefined;
  };
}
