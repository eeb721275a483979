{#- After a post that shows code or tables: a button to copy each block, and a way for keyboards to what is too wide. Its
hash stands in the policy (web/headers.py). -#}
(() => {
  const words = document.currentScript.dataset, said = document.createElement("p");
  said.className = "unseen";
  said.setAttribute("role", "status");
  const copied = async (block, button) => {
    await navigator.clipboard.writeText(block.textContent);
    button.textContent = said.textContent = words.copied;
    setTimeout(() => { button.textContent = words.copy; said.textContent = ""; }, 2000);
  };
  const wide = new ResizeObserver((seen) => {
    for (const { target } of seen)
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0; else target.removeAttribute("tabindex");
  });
  for (const block of document.querySelectorAll(".post .prose :is(pre, table)")) {
    wide.observe(block);
    if (block.localName !== "pre" || !navigator.clipboard) continue;
    const frame = document.createElement("div"), button = document.createElement("button");
    frame.className = "copyable";
    button.type = "button";
    button.textContent = words.copy;
    button.setAttribute("aria-label", words.label);
    button.addEventListener("click", () => copied(block, button));
    block.replaceWith(frame);
    frame.append(block, button);
  }
  document.body.append(said);
})();
