"""Every kind of page before those who judge pages: HTML, accessibility, links, microformats, sizes, Lighthouse."""
