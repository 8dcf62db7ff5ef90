/* The other language's page at the heading one is at. Without this script the link leads to the page. */
(() => {
  "use strict";
  const links = document.querySelectorAll(".md-select__link[hreflang]");
  const follow = () => {
    for (const link of links) {
      const url = new URL(link.href);
      url.hash = location.hash;
      link.href = url;
    }
  };
  addEventListener("hashchange", follow);
  for (const link of links) for (const event of ["focus", "pointerenter", "pointerdown"]) link.addEventListener(event, follow);
  follow();
})();
