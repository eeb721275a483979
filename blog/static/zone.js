// Chooses the time zone of this browser where nobody has said another one yet. Without it the page works as well.
for (const select of document.querySelectorAll("select[data-zone][data-guessed]")) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone, options = [...select.options];
  if (!options.some((option) => option.value === zone)) continue;
  for (const option of options) option.defaultSelected = option.value === zone; // so that nothing counts as typed
  select.value = zone;
}
