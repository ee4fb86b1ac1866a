// The styles of a panel, in a sheet that the policy of no page refuses. Nothing outside is more important, and the
// element begins with `all: initial`.

const BUTTON_STEP_PX = 68;

/** Returns what can be read on this colour. @param {string} colour */
function inkOn(colour) {
  const part = (/** @type {number} */ at) => ((parseInt(colour.slice(at, at + 2), 16) / 255 + 0.055) / 1.055) ** 2.4;
  // Below this luminance the contrast of white is 4.5 and more, above it that of black.
  return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5) < 0.18 ? '#fff' : '#000';
}

/** @param {Settings} settings @param {string} theme
 *  @param {{ isFloating: boolean, isOpen: boolean, isReady: boolean, isWhole: boolean, others: number }} state */
export function styles({ accent = '#0f766e', side = 'end', z = '2147483000' }, theme, state) {
  const { isFloating, isOpen, isReady, isWhole, others } = state;
  // Before the frame has a button of its own, this one closes the panel.
  const isCovered = isOpen && isReady;
  const up = others * BUTTON_STEP_PX;
  const edge = 'max(env(safe-area-inset-left),env(safe-area-inset-right))';
  const aside = `var(--mill-chat-inset-inline,20px) + ${edge}`;
  const below = `var(--mill-chat-inset-block,20px) + env(safe-area-inset-bottom) + ${up}px`;
  const inset = `position:fixed;inset-inline-${side}:calc(${aside});inset-block-end:calc(${below}`;
  const all = [
    ':host{all:initial!important;display:block!important;',
    `color-scheme:${theme}!important;z-index:${Number(z) + Number(isOpen)}!important;position:`,
    isFloating ? 'fixed!important}' : 'relative!important;height:var(--mill-chat-height,680px)!important}',
    ':host([hidden]),[hidden]{display:none!important}@media print{:host{display:none!important}}',
    '*{box-sizing:border-box;margin:0;font:16px/1.4 system-ui}',
    `button{cursor:pointer;border:1px solid #0000}:focus-visible{outline:3px solid ${accent};outline-offset:2px}`,
    `#launcher,a{background:${accent};color:${inkOn(accent)};padding:14px}`,
    '#launcher,a{border-radius:28px;box-shadow:0 4px 16px #0004}',
    'svg{display:block;width:26px;height:26px;fill:none;stroke:currentcolor;stroke-width:2}',
    '#badge{position:absolute;inset:-4px -4px auto auto;min-width:22px;padding:0 5px;border-radius:11px}',
    '#badge{background:#b3261e;color:#fff;font:600 13px/22px system-ui}',
    '#badge::after{content:attr(data-n)}',
    '#panel{overflow:hidden;background:Canvas;box-shadow:0 8px 32px #0004}',
    '#panel{border-radius:14px;border:1px solid #8884;outline:0}',
    'iframe{display:block;width:100%;height:100%;border:0}',
    'a{position:absolute;inset:0;margin:auto;width:fit-content;height:fit-content}',
  ];
  const floating = [
    `#launcher{${inset});z-index:1;width:56px;height:56px}#label{display:none}`,
    // From the button to the other edges, from which it is 20 px away.
    `#panel{${inset} + 68px);width:min(400px,100vw - 20px - (${aside}));height:min(680px,100dvh - 88px - (${below}))}`,
  ];
  const whole = () => {
    // To read it has the page laid out.
    const { offsetTop, height } = /** @type {VisualViewport} */ (window.visualViewport);
    return `#panel{inset:${offsetTop}px 0 auto;width:auto;height:${height}px;border:0;border-radius:0}`;
  };
  const inner = [
    '#launcher,#panel{position:absolute;inset:0;margin:auto}',
    '#launcher{z-index:1;width:fit-content;height:56px;display:flex;gap:8px}',
  ];
  const covered = isCovered && (isWhole || !isFloating) ? ['#launcher{display:none}'] : [];
  return [...all, ...(isFloating ? floating : inner), isWhole ? whole() : '', ...covered].join('');
}
