{#- After a post that shows code: a button for each block of it. Its hash stands in the policy (web/headers.py). -#}
(() => {
  if (!navigator.clipboard) return;
  const words = document.currentScript.dataset, said = document.createElement("p");
  said.className = "unseen";
  said.setAttribute("role", "status");
  for (const block of document.querySelectorAll(".post .prose pre")) {
    const frame = document.createElement("div"), button = document.createElement("button");
    frame.className = "copyable";
    button.type = "button";
    button.textContent = words.copy;
    button.setAttribute("aria-label", words.label);
    block.replaceWith(frame);
    frame.append(block, button);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(block.textContent);
      button.textContent = said.textContent = words.copied;
      setTimeout(() => { button.textContent = words.copy; said.textContent = ""; }, 2000);
    });
  }
  document.body.append(said);
})();
