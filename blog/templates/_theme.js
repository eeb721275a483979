{#- In the head of every page, before anything is drawn, so that nobody sees the other colours first. Its hash stands in
the policy (web/headers.py). What is chosen stays in the browser. -#}
(() => {
  const root = document.documentElement, show = (theme) => {
    if (/^(light|dark)$/.test(theme)) root.dataset.theme = theme; else delete root.dataset.theme;
    for (const choice of document.getElementsByName("theme")) choice.checked = choice.value === (root.dataset.theme || "");
  };
  const kept = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  show(kept());
  addEventListener("storage", () => show(kept()));
  addEventListener("DOMContentLoaded", () => {
    const switcher = document.getElementById("theme");
    if (!switcher) return;
    show(kept());
    switcher.hidden = false;
    switcher.addEventListener("change", (event) => {
      try { localStorage.setItem("theme", event.target.value); } catch {}
      show(event.target.value);
    });
  });
})();
