// Keeps the list of conversations as it is now, while somebody can see it.
const EVERY_MS = 10_000;

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const [list, newList] = [document, next].map((page) => page.getElementById('desk'));
  // Somebody else may be signed in by now, or nobody.
  if (!list || !newList) return location.reload();
  document.title = next.title;
  // A place that has the focus keeps it.
  if (!list.isEqualNode(newList) && !list.contains(document.activeElement)) list.replaceWith(newList);
}

setInterval(() => refresh().catch(() => {}), EVERY_MS);
document.addEventListener('visibilitychange', () => refresh().catch(() => {}));
