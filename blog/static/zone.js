// Chooses the time zone of this browser where nobody has said another one yet. Without it the page works as well.
for (const select of document.querySelectorAll("select[data-zone][data-guessed]")) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if ([...select.options].some((option) => option.value === zone)) select.value = zone;
}
