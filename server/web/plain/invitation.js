// Puts the invitation that is behind the `#` of the address into the form, and takes it out of the address.
const field = document.getElementById('invitation');
if (field instanceof HTMLInputElement && location.hash.startsWith('#invite=')) {
  field.value = location.href;
  for (const part of [field, ...field.labels]) part.hidden = true;
  field.closest('details')?.setAttribute('open', '');
  history.replaceState(null, '', location.pathname);
}
