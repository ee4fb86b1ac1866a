// The day of the first row in view, at the top of the list: the line of a day stays there while its rows
// scroll by, until the line of the next day pushes it away. A line belongs to its row, so a copy stays.

import { dayLine, messages, scroller } from './dom.js';
import './rows.js';

// The distance of a day's line from the top of its row, and of the copy from the top of the view.
const LINE_PX = 16;
const COPY_PX = 8;

let isPlanned = false;

function show() {
  isPlanned = false;
  const { top } = scroller.getBoundingClientRect();
  const height = dayLine.offsetHeight;
  let day = '';
  let push = 0;
  for (const row of /** @type {NodeListOf<Row>} */ (messages.querySelectorAll('.msg[data-day]'))) {
    const below = row.getBoundingClientRect().top + LINE_PX - top - COPY_PX;
    if (below > 0) {
      push = Math.min(0, below - height);
      break;
    }
    day = row.dataset.day ?? '';
  }
  if (dayLine.textContent !== day) dayLine.textContent = day;
  dayLine.style.translate = push < 0 ? `0 ${push}px` : '';
}

// Once for a frame, when its layout is known anyway.
function plan() {
  if (isPlanned) return;
  isPlanned = true;
  requestAnimationFrame(show);
}

scroller.addEventListener('scroll', plan);
new MutationObserver(plan).observe(messages, { childList: true });
if (window.ResizeObserver) new ResizeObserver(plan).observe(scroller);
plan();
